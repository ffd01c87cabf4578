"""The pure core: what an event changes, whether a command is allowed, what is due now."""
