"""Campaigns: one notice to many people."""
