"""Legal duties inside an incident."""
