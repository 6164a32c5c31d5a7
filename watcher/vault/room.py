"""What every part of the vault stands on: the open file, the clock, and times as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from watcher.sqlite_file import SqliteFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from watcher.sqlite import Database


class Room(SqliteFile):
    """A part of the vault: an open database and a clock."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        super().__init__(database)
        self._clock = now

    def _now(self) -> str:
        return utc_text(self._clock())


def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, to the second. `moment` is aware."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar in another zone
        moment = moment.replace(tzinfo=UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def moment_of(text: str) -> datetime:
    """Return the aware moment that `utc_text` wrote."""
    return datetime.fromisoformat(text)
