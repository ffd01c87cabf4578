"""YAML with positions: every problem of a file at once, with file, line and column."""
