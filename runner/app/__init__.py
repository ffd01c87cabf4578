"""Use cases: the interface through which the command line and the web read and act."""
