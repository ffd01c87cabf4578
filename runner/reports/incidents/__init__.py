"""Reports of one incident."""
