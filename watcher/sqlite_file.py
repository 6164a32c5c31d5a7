"""What can be done with each of our databases, whatever it holds: checked, copied, tidied, closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from watcher.sqlite import Database


class SqliteFile:
    """An open database of ours; a context manager. Every method raises the error class of its `Format`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def fold(self) -> None:
        """Fold the `-wal` file into the file, now that nobody waits for a commit."""
        self._db.fold()

    def quick_check(self, seconds: float) -> bool:
        """Look for damage, for so long at most; returns whether all was seen."""
        return self._db.quick_check(seconds)

    def integrity_check(self) -> None:
        """Look for damage everywhere."""
        self._db.integrity_check()

    @property
    def size(self) -> int:
        """Bytes that a copy needs."""
        return self._db.size

    def copy_to(self, target: Path) -> None:
        """Write a compact copy to `target`, an empty file."""
        self._db.copy_to(target)

    def close(self) -> None:
        """Close the file; this cannot be used any more."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
