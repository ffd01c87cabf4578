"""Reports of people and roles."""
