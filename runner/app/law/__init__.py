"""Use cases of laws and duties."""
