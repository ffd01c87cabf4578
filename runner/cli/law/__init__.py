"""Commands of laws and duties."""
