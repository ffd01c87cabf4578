"""Workers: processes that perform due work."""
