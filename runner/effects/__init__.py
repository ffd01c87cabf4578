"""Effects: each performs one piece of due work and comes back as a command for the engine."""
