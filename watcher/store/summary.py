"""A few newsletters in a few words, for a terminal."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.sqlite import Database
from watcher.store.store import FORMAT

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Summary:
    """One newsletter as a line of a table; `providers` are names as on the record page."""

    received_at: str
    subject: str
    from_name: str  # the address where there is no name
    providers: str  # `n/a` when none is believed
    words: int
    links: int
    trackers: int


def summary(path: Path, limit: int = 1_000) -> list[Summary]:
    """Return the newsletters, the newest first, at most `limit`. Raises `StoreError`."""
    with closing(Database.open(path, FORMAT, create=False, patience=60.0)) as database:
        rows = database.rows(
            "SELECT n.received_at, n.subject, iif(n.from_name <> '', n.from_name, n.from_address), "
            'r."Email Providers", n.words, n.links, n.trackers '
            "FROM newsletters n JOIN record_page r ON r.id = n.id "
            "ORDER BY n.received_at DESC, n.id DESC LIMIT ?",
            (limit,),
        )
    return [Summary(*row) for row in rows]
