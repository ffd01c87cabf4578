"""Documents: one tree from a template and facts, and one small writer for each format."""
