"""Reports of exercises."""
