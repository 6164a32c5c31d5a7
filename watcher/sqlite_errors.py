"""What goes wrong with a SQLite file, in words that say what to do; and what kind of trouble it is.

Damage needs a backup or a rebuild, a closed file needs its owner, a full disk needs space and may pass by
itself: whoever catches an error asks `is_damage` and `is_storage_trouble`.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FULL = "the disk is full"

_LEAST_FREE = 4 << 20  # bytes on the disk below which nothing is begun


class DatabaseError(Exception):
    """A database cannot be used; the message says which file, what happened and what to do."""


@dataclass(frozen=True, slots=True)
class Format:
    """What one kind of database file is."""

    name: str  # as it stands in messages: "vault"
    application_id: int  # https://sqlite.org/fileformat2.html, section 1.3.12
    version: int  # user_version: how many migrations there are
    migrations: str  # the module whose `migrations` make the schema; imported only when some are due
    synchronous: str  # FULL: a commit is on the disk; NORMAL: a power cut may take the last commits
    mode: int  # of the file, before the umask
    private: bool  # nobody but its owner may read it
    error: type[DatabaseError]
    damaged: str  # what to do about a file that cannot be read


def is_damage(error: DatabaseError) -> bool:
    """Whether the file could not be read as a database, as opposed to one that may be somebody's."""
    name = getattr(error.__cause__, "sqlite_errorname", "")
    return str(name).startswith(_DAMAGE)


def is_storage_trouble(error: DatabaseError, path: Path) -> bool:
    """Whether the disk is full, read-only or failing: the file is well, and the trouble may pass."""
    cause = error.__cause__
    if isinstance(cause, OSError):
        return cause.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
    name = str(getattr(cause, "sqlite_errorname", ""))
    if name.startswith(REFUSED):  # a file that somebody closed to us does not open by waiting
        return bool(shortage(path))
    return name.startswith(("SQLITE_FULL", "SQLITE_IOERR"))


def shortage(path: Path) -> str:
    """What keeps anybody from writing at `path`, as far as the file system tells; empty when nothing does."""
    try:
        space = os.statvfs(path.parent)
    except OSError:
        return ""
    if space.f_flag & os.ST_RDONLY:
        return "the file system is read-only"
    return FULL if space.f_bavail * space.f_frsize < _LEAST_FREE else ""


class translated:  # noqa: N801  # a context manager, used like a function; a generator would cost each statement
    """Turn SQLite's errors into the format's own, with a remedy; misuse of the interface stays what it is."""

    __slots__ = ("_form", "_path")

    def __init__(self, form: Format, path: Path) -> None:
        self._form = form
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.ProgrammingError):
            explanation = _explanation(error, self._form)
            raise self._form.error(f"{self._form.name} {self._path}: {explanation}") from error


def _explanation(error: sqlite3.Error, form: Format) -> str:
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    for beginnings, sentence in _EXPLANATIONS:
        if name.startswith(beginnings):
            return sentence.format(
                name=name, error=error, damaged=form.damaged, permission=_permission_remedy()
            )
    return f"{error} ({name})"


# By the beginning of the result code's name (https://sqlite.org/rescode.html).
_DAMAGE = ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_FORMAT")
REFUSED = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")
_EXPLANATIONS = (
    (_DAMAGE, "the file is damaged or is no SQLite database ({name}); {damaged}"),
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        "another process keeps it locked ({name}); wait for it, or end it, and try again",
    ),
    (("SQLITE_FULL",), f"{FULL}; free some space and try again, nothing was half written"),
    (REFUSED, "it cannot be written ({name}); {permission}"),
    (("SQLITE_IOERR",), "the disk reports an error ({name}); see the system's log"),
    (("SQLITE_CONSTRAINT",), "the schema forbids it ({name}: {error}); this is a defect, please report it"),
)


def _permission_remedy() -> str:
    return f"the file and its directory must be writable for user id {os.geteuid()}"


def refusal(form: Format, path: Path, error: OSError) -> DatabaseError:
    """Return the format's error for a path that the system refuses."""
    return form.error(f"{form.name} {path}: {error.strerror or error}; {_permission_remedy()}")


def missing(form: Format, path: Path) -> DatabaseError:
    """Return the format's error for a file that nobody has made yet."""
    return form.error(
        f"{form.name} {path}: there is no such file yet; `watcher poll` or `watcher import` make it"
    )
