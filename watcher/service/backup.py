"""Copies of the databases: made while the daemon works, complete or not there at all, the oldest deleted.

A copy is a folder `watcher-2026-11-23T033000Z` with `vault.db`, `newsletters.db` and `media.db`, each written
by `VACUUM INTO` (https://sqlite.org/lang_vacuum.html): the content of one moment, compact, without side
files. The vault is copied last. So every newsletter and every picture of a copy has its mail in the copy of
the vault, and an id is never given a second time after it was restored; what only the vault has is derived
again.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from watcher.sqlite_errors import DatabaseError
from watcher.store import Store
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watcher.rendering import Media
    from watcher.settings import Store as Places

VAULT = "vault.db"
STORE = "newsletters.db"
MEDIA = "media.db"

_NAME = re.compile(r"watcher-(\d{4}-\d{2}-\d{2}T\d{6}Z)")
_STAMP = "%Y-%m-%dT%H%M%SZ"
_PARTIAL = ".partial-"
_SPARE = 16 << 20  # bytes that must be left on the disk of the copies


class BackupError(Exception):
    """A copy cannot be made, read or put back; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A complete copy."""

    path: Path
    at: datetime  # when it was begun

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.stat().st_size for file in self.path.iterdir())


def make(places: Places, directory: Path, now: datetime, *, media: bool = True) -> Copy:
    """Copy the databases into a new folder in `directory`; store and pictures only where there are any.

    `media`: with the pictures, which may be most of it. Returns when the copy is on the disk. Raises
    `BackupError`; then there is no new folder.
    """
    name = now.astimezone(UTC).strftime(f"watcher-{_STAMP}")
    final, draft = directory / name, directory / f"{_PARTIAL}{name}"
    with _worded(directory):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in directory.glob(f"{_PARTIAL}*"):  # a crash's
            shutil.rmtree(left)
        if final.exists():
            raise BackupError(f"backup {final}: there is one of this second already; try again")
        with ExitStack() as stack:
            databases = _databases(places, stack, media=media)
            _require_space(sum(each.size for each in databases.values()), directory)
            draft.mkdir(mode=0o700)
            try:
                for file, database in databases.items():
                    _copy(database, draft / file)
                sync(draft)
                draft.rename(final)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        sync(directory)
    return Copy(final, now)


def _databases(places: Places, stack: ExitStack, *, media: bool) -> dict[str, Vault | Store | Media]:
    """Open what there is to copy, in the order in which it is copied."""
    found: dict[str, Vault | Store | Media] = {}
    if media and places.media.exists():
        from watcher.rendering import Media  # noqa: PLC0415  # the daemon has no other use for that room

        found[MEDIA] = stack.enter_context(closing(Media.look(places.media)))
    if places.newsletters.exists():
        found[STORE] = stack.enter_context(closing(Store.look(places.newsletters)))
    found[VAULT] = stack.enter_context(closing(Vault.look(places.vault)))
    return found


def _copy(database: Vault | Store | Media, target: Path) -> None:
    # SQLite would make it 0644 and fill it before anybody could close it to others.
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    database.copy_to(target)
    sync(target)


def _require_space(size: int, directory: Path) -> None:
    needed = size + _SPARE
    space = os.statvfs(directory)
    free = space.f_bavail * space.f_frsize
    if free < needed:
        raise BackupError(
            f"backup {directory}: the copy needs {megabytes(needed)} and {megabytes(free)} are free; "
            "free some space, lower `keep`, name another disk, or leave the pictures out (`media: false`, "
            "`--without-media`)"
        )


def rotate(directory: Path, keep: int) -> list[Path]:
    """Delete the oldest copies but for `keep`; returns what was deleted. Raises `BackupError`."""
    with _worded(directory):
        old = [copy.path for copy in copies(directory)[keep:]]
        for path in old:
            # Out of sight first: half of a copy must not look like one.
            doomed = path.with_name(f"{_PARTIAL}{path.name}")
            path.rename(doomed)
            shutil.rmtree(doomed)
    return old


def copies(directory: Path) -> list[Copy]:
    """Return the complete copies in `directory`, the newest first; none when there is no such folder."""
    found = []
    if directory.is_dir():
        for path in directory.iterdir():
            named = _NAME.fullmatch(path.name)
            if named and (path / VAULT).is_file():
                found.append(Copy(path, datetime.strptime(named[1], _STAMP).replace(tzinfo=UTC)))
    return sorted(found, key=lambda copy: copy.at, reverse=True)


def megabytes(size: int) -> str:
    """Return a number of bytes as people say it: `640 kB`, `3.4 MB`, `12.0 GB`."""
    if size < 1_000_000:
        return f"{-(-size // 1000)} kB"
    return f"{size / 1_000_000:.1f} MB" if size < 1_000_000_000 else f"{size / 1_000_000_000:.1f} GB"


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk before this returns. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _worded(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(f"backup {directory}: {error.strerror or error}") from error
    except DatabaseError as error:
        raise BackupError(f"backup {directory}: no copy was made: {error}") from error
