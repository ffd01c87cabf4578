"""The store: journals, documents and campaign tables, on SQLite or PostgreSQL."""
