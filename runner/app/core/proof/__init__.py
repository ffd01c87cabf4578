"""Proof of the record: the signing keys of this home, and the checkpoints of the log of heads."""
