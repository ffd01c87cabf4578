"""Reports of notices."""
