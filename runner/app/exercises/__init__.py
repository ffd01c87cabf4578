"""Use cases of exercises and improvements."""
