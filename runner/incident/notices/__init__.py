"""Notices inside an incident."""
