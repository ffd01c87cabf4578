"""Checks of a playbook before anybody runs it."""
