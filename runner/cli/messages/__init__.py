"""Commands of messages, channels, domains and rooms."""
