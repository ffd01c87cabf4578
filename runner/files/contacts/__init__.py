"""Readers of contact lists: YAML, CSV, vCard."""
