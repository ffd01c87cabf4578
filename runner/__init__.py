"""Tocsin's runner: playbooks are checked, pinned to an incident and driven to an honest end."""

__version__ = "0.1.0"
