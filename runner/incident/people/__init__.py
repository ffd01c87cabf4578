"""People inside an incident: handover, second person, contact journal, retention."""
