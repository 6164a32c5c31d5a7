"""A new store built beside the one in service, which it then replaces at once.

How it replaces it: when a store is in service, the finished content is copied into its file in one SQLite
transaction. A reader in the middle of a query keeps the old content until the query ends, its next query
sees the new one, and so does every process that keeps the file open, as Datasette does; a writer waits. A
crash leaves the old content. Renaming the new file over the old one would do none of this: open readers
would show the old content until they are restarted, a writer would write into a file without a name, and a
`-wal` file of the old name would be applied to the new file. So a rename is left for the case in which
nobody can be reading: there is no store yet, or it is damaged; a damaged file is kept under another name.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.sqlite import Database
from watcher.sqlite_errors import is_damage, refusal
from watcher.store.errors import StoreError
from watcher.store.store import FORMAT, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

# Nobody reads a file that is being built, and it begins anew after a crash.
_BUILDING = replace(FORMAT, synchronous="OFF")
_SIDES = ("-wal", "-shm", "-journal")


@contextmanager
def build_beside(path: Path, *, patience: float = 60.0) -> Iterator[Store]:
    """Give an empty store that takes the place of the one at `path` when the block ends without an exception.

    `patience`: seconds to wait for a writer of the store in service. Raises `StoreError`: before anything
    is built when `path` is another program's file, is locked or cannot be written, or when it is being
    built already.
    """
    path = Path(os.path.realpath(path))
    building = path.with_name(path.name + ".building")
    service = _in_service(path, patience)  # a file that must not be replaced is refused before the long work
    if service is not None:
        service.close()
    with _alone(building):
        with Store(Database.open(building, _BUILDING, create=True, patience=patience)) as store:
            yield store
        _publish(building, path, patience)


def _in_service(path: Path, patience: float) -> Database | None:
    """Open the store at `path`; None when there is none, or when it is damaged."""
    if not path.exists():
        return None
    try:
        return Database.open(path, FORMAT, create=False, patience=patience)
    except StoreError as error:
        if is_damage(error):
            return None
        raise


@contextmanager
def _alone(building: Path) -> Iterator[None]:
    """Hold the file that is built, emptied of what a crash may have left; remove it in the end."""
    try:
        building.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(building, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FORMAT.mode)
    except OSError as error:
        raise refusal(FORMAT, building, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                f"store {building}: another rebuild is running; wait until it has ended"
            ) from error
        _remove_sides(building)
        os.ftruncate(descriptor, 0)
        try:
            yield
        finally:
            _remove_sides(building)
            building.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _publish(building: Path, path: Path, patience: float) -> None:
    service = _in_service(path, patience)
    if service is not None:
        with (
            closing(service),
            closing(Database.open(building, _BUILDING, create=False, patience=patience)) as new,
        ):
            service.copy_from(new)
            service.tidy()
        return
    try:
        if path.exists():
            path.replace(path.with_name(path.name + ".damaged"))
        _remove_sides(path)  # they belong to the file that is gone, and would be applied to the new one
        _sync(building)
        building.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise refusal(FORMAT, path, error) from error


def _remove_sides(path: Path) -> None:
    for side in _SIDES:
        path.with_name(path.name + side).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
