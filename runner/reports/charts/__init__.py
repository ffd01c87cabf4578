"""Charts and figures."""
