"""The state of an incident, its events, and what each of them changes."""
