"""What goes wrong with the store."""

from __future__ import annotations

from watcher.sqlite import DatabaseError


class StoreError(DatabaseError):
    """The store cannot be used; the message says what to do."""
