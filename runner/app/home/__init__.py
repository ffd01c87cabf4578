"""Use cases of the home folder: open it, examine it, keep it."""
