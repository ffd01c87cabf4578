"""What a person can do on the pages of the room: forms, and the commands that they become."""
