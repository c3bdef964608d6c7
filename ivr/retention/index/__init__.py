"""The index: a database of recordings, cases and holds (SQLite, or PostgreSQL by URL)."""
