"""Commands of exercises and improvements."""
