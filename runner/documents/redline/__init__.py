"""Comparison of two versions of a document."""
