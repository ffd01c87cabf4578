"""Pages of a person's own: push to the browser, and the messages that it opens."""
