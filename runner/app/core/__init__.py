"""Shared parts of all use cases: incidents, transactions, clocks, contacts."""
