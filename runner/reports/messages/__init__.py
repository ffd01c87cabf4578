"""Reports of messages and channels."""
