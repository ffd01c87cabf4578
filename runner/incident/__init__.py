"""Pure core of an incident: changes by events, decisions on commands, and work that is due."""
