"""Changes by each event: one function for each event; no function decides anything."""
