"""Newsletter Watcher: every newsletter of an inbox as a clean, tracker-free, searchable record in SQLite."""

__version__ = "0.1.0"
