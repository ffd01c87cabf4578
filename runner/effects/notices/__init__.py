"""Effects of notices: render, letters, imported texts."""
