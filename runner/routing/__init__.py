"""Routing of messages: the channels to a person, by rules. Pure."""
