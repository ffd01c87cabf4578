"""Playbooks: their format, their reading and their plan. Knows no incident."""
