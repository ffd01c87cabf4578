"""Use cases of the contact list."""
