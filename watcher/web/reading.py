"""Whether an archive can be read by who serves it, found out before the server starts.

A store in WAL mode needs `-wal` and `-shm` beside it (https://sqlite.org/wal.html, section 6). While the
daemon runs it has them; when it stops they go, and the next reader must be able to make them. Who may not
write there reads today and gets an error page tomorrow, so it is tried first, just as Datasette will do it.
A published copy is in another mode: it can be read wherever it lies.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE: Final = 5.0  # seconds to wait for a writer
_REFUSED: Final = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")


class UnreadableError(Exception):
    """The archive cannot be read; the message says why, and what to do."""


def needs_immutable(store: Path) -> bool:
    """Whether SQLite must be told that nobody writes to `store` (`datasette --immutable`).

    That is so on a file system that is read-only: there nobody does. Anywhere else it would be a lie that
    gives wrong answers as soon as somebody writes, so what cannot be read raises `UnreadableError`.
    """
    try:
        with closing(
            sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)
        ) as db:
            db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        if error.sqlite_errorname.startswith(_REFUSED):
            return _refused(store)
        raise UnreadableError(f"{store}: it cannot be read ({error})") from error
    return False


def _refused(store: Path) -> bool:
    who = f"user id {os.geteuid()}"
    remedy = "`watcher check`, as root, says what to change"
    try:
        with store.open("rb"):
            pass
        wal = store.with_name(store.name + "-wal")
        unsaved = wal.exists() and wal.stat().st_size > 0
        if os.statvfs(store.parent).f_flag & os.ST_RDONLY and not unsaved:
            return True
    except FileNotFoundError as error:
        raise UnreadableError(
            f"{store}: there is no archive yet; run `watcher poll` or `watcher import` first"
        ) from error
    except OSError as error:
        raise UnreadableError(f"{store}: {who} may not read it ({error.strerror}); {remedy}") from error
    raise UnreadableError(
        f"{store}: {who} could read it only while the daemon runs, for SQLite must write a file beside it: "
        f"{store.parent} or a file there is closed to {who}; {remedy}, and what `watcher publish` makes can "
        "be read anywhere"
    )
