"""Integrations: one small module per channel, each behind the same port."""
