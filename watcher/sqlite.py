"""The one place that opens SQLite: file modes, pragmas, the check before use, copies.

`vault` and `store` describe their file as a `Format` and work on a `Database`. WAL needs `-wal` and `-shm`
beside the file, and SQLite gives those the mode of the file itself; so the file is made first, with the mode
that is wanted (SQLite alone would make it 0644 whatever the umask allows).
"""

from __future__ import annotations

import errno
import importlib
import os
import shlex
import sqlite3
import stat
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from watcher.sqlite_errors import FULL, REFUSED, DatabaseError, Format, missing, refusal, shortage, translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PAGE_SIZE = 8192  # bytes; a mild optimum for rows of mail: 7 % less CPU than 4096
_CACHE_KIB = 16_384
_ANALYSED = 400  # rows of an index that are looked at for the statistics
_PAUSE = 0.01  # seconds between two attempts at what SQLite does not wait for itself
_WAL_KEPT = 64 << 20  # bytes; a larger -wal file is cut when it is reset
_WAL_PAGES = 4_000  # a commit that finds more of them in the -wal file writes them back, while its mail waits
_FOLDED = 8  # commits; less is not worth the writing

Row = tuple[Any, ...]


class Database:
    """An open SQLite file. Not to be shared between threads; open it once in each."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        form: Format,
        patience: float,
        turn: threading.Lock | None = None,
    ) -> None:
        self._connection = connection
        self._turn = turn or threading.Lock()
        self._form = form
        self._patience = patience
        self._file = _identity(path)
        self._unfolded = 0  # commits since the -wal file was folded in
        self.path = path

    @classmethod
    def open(
        cls, path: Path, form: Format, *, create: bool, patience: float, turn: threading.Lock | None = None
    ) -> Self:
        """Open `path` for writing, bring its schema up to date and see that it can be written.

        `patience`: seconds to wait for another writer. `turn`: held while this connection writes; threads
        that share it wait in line, where SQLite would have them sleep and try again. Raises `form.error`; a
        file that is not ours, or of a newer version, is left as it is.
        """
        path = Path(path)
        try:
            _prepare_file(path, form, create=create)
        except OSError as error:
            raise refusal(form, path, error) from error
        with translated(form, path):
            uri = path.resolve().as_uri() + "?mode=rw"
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=patience)
        database = cls(connection, path, form, patience, turn)
        try:
            with database._turn:
                database._ready()
        except BaseException:
            connection.close()
            raise
        return database

    @classmethod
    def look(
        cls,
        path: Path,
        form: Format,
        *,
        patience: float = 5.0,
        still: bool = False,
        older: bool = False,
    ) -> Self:
        """Open `path` for reading alone: on a full disk and on a read-only file system as well.

        `still`: read the file as it lies there, while another process keeps it so (`standing_still`), be that
        on another machine. `older`: take a file of an older version too, for who only copies it. Raises
        `form.error` when there is no such file, when it is not ours, or of another version.
        """
        path = Path(path)
        if not path.is_file():
            raise missing(form, path)
        _refuse_readers(path, form)
        with translated(form, path):
            connection = _reading_still(path) if still else _reading(path, patience)
        database = cls(connection, path, form, patience)
        try:
            database._look(older=older)
        except BaseException:
            connection.close()
            raise
        return database

    def _look(self, *, older: bool) -> None:
        with translated(self._form, self.path):
            version = self._recognise()
        if version < self._form.version and not older:
            raise self._form.error(
                f"{self._form.name} {self.path}: an older version of this program wrote it; "
                "start `watcher run` again, or run `watcher check`: either brings it up to date"
            )

    def _ready(self) -> None:
        form = self._form
        with translated(form, self.path):
            version = self._recognise()
            run = self._connection.execute
            run("PRAGMA foreign_keys = ON")
            run(f"PRAGMA synchronous = {form.synchronous}")
            run(f"PRAGMA cache_size = -{_CACHE_KIB}")
            run(f"PRAGMA page_size = {PAGE_SIZE}")  # heeded by an empty file only
            if self._journal_mode() != "wal":
                raise form.error(
                    f"{form.name} {self.path}: this file system does not support SQLite's WAL mode; "
                    "put the file on a local disk"
                )
            run(f"PRAGMA journal_size_limit = {_WAL_KEPT}")
            run(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
            run("BEGIN IMMEDIATE")  # waits for another writer
            try:
                if version < form.version:
                    self._migrate()
                    run("COMMIT")
                else:  # WAL: only a change finds out that a file is read-only; make one and take it back
                    run(f"PRAGMA user_version = {version}")
                    run("ROLLBACK")
            except BaseException:
                self._connection.rollback()
                raise

    def _journal_mode(self) -> str:
        """Ask for WAL and return what it is then.

        Several may open a new file at once. The switch needs the file for itself, and SQLite does
        not wait for it: https://sqlite.org/wal.html, section 8.
        """
        deadline = time.monotonic() + self._patience
        while True:
            try:
                (mode,) = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)
            else:
                return str(mode)

    def _recognise(self) -> int:
        """Return the file's version; raise when it is another program's, or of a newer version of ours."""
        form = self._form
        application, version, tables = self._connection.execute(
            "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master) "
            "FROM pragma_application_id, pragma_user_version"
        ).fetchone()
        if application != form.application_id and (application or version or tables):
            raise form.error(
                f"{form.name} {self.path}: this is a SQLite file, but not a {form.name} of this program; "
                "name another path in the settings"
            )
        if version > form.version:
            raise form.error(
                f"{form.name} {self.path}: a newer version of this program wrote it (schema {version}, "
                f"this version knows {form.version}); update the program"
            )
        return int(version)

    def _migrate(self) -> None:
        from sqlite_utils import Database as Utils  # noqa: PLC0415  # costs more than everything else at start-up

        # Another process may have migrated while this one waited for the write lock; what is applied is not
        # applied again. All of it is one transaction: a crash leaves the old schema.
        importlib.import_module(self._form.migrations).migrations.apply(Utils(self._connection))
        self._connection.execute(f"PRAGMA application_id = {self._form.application_id}")
        self._connection.execute(f"PRAGMA user_version = {self._form.version}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is committed together, or not at all. Raises the format's error."""
        with self._turn, translated(self._form, self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._still_there()
                yield
                self._connection.execute("COMMIT")
                self._unfolded += 1
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _still_there(self) -> None:
        """Refuse to write into a file that was deleted or replaced: what goes there is lost."""
        try:
            same = _identity(self.path) == self._file
        except OSError:
            same = False
        if not same:
            raise self._form.error(
                f"{self._form.name} {self.path}: the file was deleted, moved or replaced while it was open; "
                "start the program again"
            )

    def copy_from(self, source: Database) -> None:
        """Take over the whole content of `source`, in one transaction.

        Who reads meanwhile goes on reading the old content; who writes waits. Both need no new connection.
        """

        def progress(status: int, _remaining: int, _pages: int) -> None:
            if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:  # it has waited as long as it may
                raise self._form.error(
                    f"{self._form.name} {self.path}: another process keeps it locked; end it and try again"
                )

        self._still_there()
        with translated(self._form, self.path):
            source._connection.backup(self._connection, pages=-1, progress=progress)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        with translated(self._form, self.path):
            return self._connection.execute(sql, parameters)

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one prepared statement for each row."""
        with translated(self._form, self.path):
            self._connection.executemany(sql, rows)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        with translated(self._form, self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """Return the first row of a query, or None."""
        with translated(self._form, self.path):
            found: Row | None = self._connection.execute(sql, parameters).fetchone()
            return found

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first value of the first row of a query that always has one."""
        return self.rows(sql, parameters)[0][0]

    @property
    def revision(self) -> tuple[int, int]:
        """Two numbers that stay as they are while nobody changes the file."""
        return self.one("PRAGMA data_version"), self._connection.total_changes

    def optimize(self) -> None:
        """Refresh stale statistics of the planner, from a sample of each index."""
        self.execute(f"PRAGMA analysis_limit = {_ANALYSED}")
        self.execute("PRAGMA optimize")

    def fold(self) -> None:
        """Write the `-wal` back into the file, as far as no reader needs it, if there is some of it.

        For moments in which nobody waits: a commit that has to do it takes ten times as long as others. Who
        writes meanwhile, from another connection, is not held up.
        """
        if self._unfolded >= _FOLDED:
            self.rows("PRAGMA wal_checkpoint(PASSIVE)")
            self._unfolded = 0

    def tidy(self) -> None:
        """Refresh stale statistics of the planner, and empty the -wal file if no reader needs it."""
        self.optimize()
        patience = self.one("PRAGMA busy_timeout")
        self.rows("PRAGMA busy_timeout = 0")  # while it waited for a reader, nobody could write
        try:
            self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self.rows(f"PRAGMA busy_timeout = {patience}")

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Fold the `-wal` into the file, and keep the file as it is then until the block ends.

        Others go on writing, into the `-wal`. But who may not share that file's memory, because they are on
        another machine, can read the file meanwhile (`look`, `still`). It stands still because a reader that
        needs nothing of the `-wal` locks its place 0, and a checkpoint waits for that lock:
        https://sqlite.org/walformat.html#wal_locks. Inside, nothing can be written here. Raises the
        format's error when other readers or writers leave it no moment.
        """
        wal = self.path.with_name(self.path.name + "-wal")
        deadline = time.monotonic() + self._patience
        while True:
            self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
            self.execute("BEGIN")
            self.rows("SELECT 1 FROM sqlite_master")  # the first read takes the lock
            # A `-wal` that anybody wrote to before is not empty, and cannot be emptied while it is read.
            if not wal.exists() or not wal.stat().st_size:
                break
            self.execute("ROLLBACK")
            if time.monotonic() > deadline:
                raise self._form.error(
                    f"{self._form.name} {self.path}: it is always being read or written; try again when the "
                    "daemon has less to do, or stop it meanwhile"
                )
            time.sleep(_PAUSE)
        try:
            yield
        finally:
            self.execute("ROLLBACK")

    def quick_check(self, seconds: float) -> bool:
        """Look for damage (https://sqlite.org/pragma.html#pragma_quick_check), for so long at most.

        Returns whether all of the file was looked at. Raises the format's error when it is damaged.
        """
        # SQLite before 3.41 asks no progress handler inside a b-tree, but each page looks for an interrupt.
        ended = threading.Event()

        def ring() -> None:
            pause = seconds
            while not ended.wait(pause):  # again and again: one before the first step is forgotten
                self._connection.interrupt()
                pause = _PAUSE

        bell = threading.Thread(target=ring, name="bell")
        bell.start()
        try:
            found = self.one("PRAGMA quick_check(1)")
        except self._form.error as error:
            if getattr(error.__cause__, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
                return False
            raise
        finally:
            ended.set()
            bell.join()
        if found != "ok":
            raise self._damaged()
        return True

    def integrity_check(self) -> None:
        """Compare every page and every index entry with what it stands for. Raises when one is wrong."""
        if self.one("PRAGMA integrity_check(1)") != "ok":
            raise self._damaged()

    def _damaged(self) -> DatabaseError:
        return self._form.error(f"{self._form.name} {self.path}: the file is damaged; {self._form.damaged}")

    @property
    def size(self) -> int:
        """How many bytes the content takes, without free pages: what a copy needs."""
        pages = self.one("PRAGMA page_count") - self.one("PRAGMA freelist_count")
        return int(pages * self.one("PRAGMA page_size"))

    def copy_to(self, target: Path) -> None:
        """Write the content of this moment, compact, to `target`: an empty file, which keeps its mode.

        Who writes meanwhile is not held up. The copy is on the disk only after an fsync(2) of the caller's.
        """
        looking = self.one("PRAGMA query_only")
        self.execute("PRAGMA query_only = OFF")  # which would keep the copy from being written, too
        try:
            self.execute("VACUUM INTO ?", (str(target),))
        finally:
            self.execute(f"PRAGMA query_only = {looking}")

    def close(self) -> None:
        """Close the file; the last one to close it folds the -wal file into it."""
        self._connection.close()


def _reading(path: Path, patience: float) -> sqlite3.Connection:
    """Connect for reading alone.

    With `mode=rw` the last one to close takes the `-wal` and `-shm` files away again; SQLite falls back to
    reading where it must. WAL needs a `-shm` file, which cannot be made where nothing can be written. Then
    nobody else writes either, and a file whose `-wal` is empty may be read as it lies there.
    """
    uri = path.resolve().as_uri()
    connection = sqlite3.connect(uri + "?mode=rw", uri=True, isolation_level=None, timeout=patience)
    try:
        connection.execute("SELECT 1 FROM sqlite_master")
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.OperationalError as error:
        connection.close()
        wal = path.with_name(path.name + "-wal")
        if not error.sqlite_errorname.startswith(REFUSED) or (wal.exists() and wal.stat().st_size):
            raise
        return _reading_still(path)
    return connection


def _reading_still(path: Path) -> sqlite3.Connection:
    """Connect to a file that nobody changes: without locks, and without a look at its `-wal`."""
    return sqlite3.connect(path.resolve().as_uri() + "?mode=ro&immutable=1", uri=True, isolation_level=None)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _refuse_readers(path: Path, form: Format) -> None:
    """Do not open a private file that others can read: who could, may have, and its owner should know."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if form.private and mode & 0o077:
        raise form.error(
            f"{form.name} {path}: others can read it (mode {mode:04o}); it holds private mail: run "
            f"`chmod {form.mode:o} {shlex.quote(str(path))}`, and look at who could read the folder"
        )


def _prepare_file(path: Path, form: Format, *, create: bool) -> None:
    if path.is_dir():
        raise form.error(f"{form.name} {path}: this is a directory; name a file in the settings")
    if not path.exists():
        if not create:
            raise missing(form, path)
        # A private file in a directory that others may write to can be deleted or replaced by them.
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if form.private else 0o777)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, form.mode))
    _refuse_readers(path, form)
    if shortage(path) == FULL:
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise form.error(f"{form.name} {path}: {FULL}; free some space and try again") from full
