"""Readers of the lists of people to whom a notice is sent."""
