"""Exercises: injects, ratings, improvements, schedules."""
