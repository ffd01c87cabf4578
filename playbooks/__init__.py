"""Built-in playbooks, regimes, notices and examples: data only, read with importlib.resources."""
