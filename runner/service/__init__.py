"""The use cases: the one floor that wires parts, reads the clock and makes identifiers."""
