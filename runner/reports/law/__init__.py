"""Reports of laws and duties."""
