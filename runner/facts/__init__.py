"""Facts: what is known of an incident, and expressions over it. Knows no incident."""
