"""What people and programs can do and see, described once for the command line, the room and the API."""
