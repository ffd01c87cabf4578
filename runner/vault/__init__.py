"""Keys, encryption, and secrets by reference."""
