"""Drivers: two ways to turn one core, in one process or over PostgreSQL and Procrastinate."""
