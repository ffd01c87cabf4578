"""The journal of each incident, its hash chain, blobs and projections, over SQLite or PostgreSQL."""
