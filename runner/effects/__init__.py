"""Effects: each performs one piece of due work and returns a command."""
