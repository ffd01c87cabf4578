"""Use cases of one incident: open, facts, evidence, undo."""
