"""Use cases of messages, acknowledgements and channels."""
