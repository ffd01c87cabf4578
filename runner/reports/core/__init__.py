"""Shared parts of all reports: formatting, header, suggested actions."""
