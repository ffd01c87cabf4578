"""What each event changes. One function for each event; no function decides anything."""
