"""Playbooks: format, reader and plan. Independent of incidents."""
