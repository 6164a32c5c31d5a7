"""What goes wrong with the store."""

from __future__ import annotations

from watcher.sqlite_errors import DatabaseError


class StoreError(DatabaseError):
    """The store cannot be used; the message says what to do."""
