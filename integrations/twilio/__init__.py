"""Twilio: text messages and calls by one account, each a channel of its own."""
