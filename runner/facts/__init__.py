"""Facts of an incident, and expressions over them. Independent of incidents."""
