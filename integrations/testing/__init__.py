"""Test tools for integrations: a scripted channel, a server with faults, and the checks of every adapter.

Nothing here is used when Tocsin runs.
"""
