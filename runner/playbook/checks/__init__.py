"""Checks of a playbook before it runs."""
