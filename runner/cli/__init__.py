"""The command line: each module parses its commands, calls the service and prints a view."""
