"""Commands of one incident."""
