"""HTTP interface: callbacks of providers, and the page to acknowledge a message."""
