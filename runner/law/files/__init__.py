"""Readers of regime files."""
