"""Readers of the other files that people write: settings, exercises, rotas, lists of people."""
