"""What others may reach by HTTP: callbacks of providers, and the page on which a person says that they have a message."""
