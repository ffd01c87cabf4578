"""Readers of other files: settings, exercises, rotas, lists of people."""
