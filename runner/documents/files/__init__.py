"""Readers of notice and form files."""
