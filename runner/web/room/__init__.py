"""The room: the web pages of an incident, and the door to them."""
