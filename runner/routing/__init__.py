"""Who can be reached, over which channel, by which rules. Pure."""
