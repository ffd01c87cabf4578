"""Shared parts of all commands: options, session, error boundary, output."""
