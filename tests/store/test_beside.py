"""Building a store beside the one in service."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.records import record
from watcher.sqlite import Database
from watcher.store import Store, StoreError, build_beside, summary
from watcher.store.store import FORMAT

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path


def subjects(path: Path) -> list[str]:
    return [row.subject for row in summary(path)]


def files(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir()}


def old_store(path: Path) -> None:
    with Store.open(path) as store:
        store.write([(number, record(subject="old", text="word " * 500)) for number in range(1, 40)])


def test_the_first_store_is_there_when_it_is_finished(path: Path) -> None:
    """Without a store in service nothing is to be seen until all is written, and no other file stays."""
    with build_beside(path) as store:
        store.write([(1, record(subject="new"))])
        assert not path.exists()
    assert files(path) == {"newsletters.db"}
    assert subjects(path) == ["new"]


def test_a_store_is_replaced_at_once_and_keeps_its_mode(path: Path) -> None:
    """The old rows are there until the end, then only the new ones; who may read the file stays the same."""
    old_store(path)
    path.chmod(0o664)
    with build_beside(path) as store:
        store.write([(1, record(subject="new"))])
        assert set(subjects(path)) == {"old"}
    assert subjects(path) == ["new"]
    assert path.stat().st_mode & 0o777 == 0o664
    assert files(path) == {"newsletters.db"}


def test_a_failed_build_leaves_the_old_store(path: Path) -> None:
    """An exception inside the block throws the new store away."""
    old_store(path)

    def interrupted() -> None:
        with build_beside(path) as store:
            store.write([(1, record(subject="new"))])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert set(subjects(path)) == {"old"}
    assert files(path) == {"newsletters.db"}


def read_on(path: Path, pipe: Connection) -> None:
    """Read half of a query, wait for the store to be replaced, read the rest, then ask again."""
    connection = sqlite3.connect(path)
    cursor = connection.execute("SELECT subject FROM newsletters ORDER BY id")
    begun = [cursor.fetchone()[0] for _ in range(3)]
    pipe.send(begun)
    pipe.recv()
    pipe.send([subject for (subject,) in cursor.fetchall()])
    pipe.send([subject for (subject,) in connection.execute("SELECT subject FROM newsletters")])
    pipe.send(connection.execute("PRAGMA integrity_check").fetchall())
    pipe.recv()
    connection.close()


def test_a_reader_finishes_with_the_old_rows_and_goes_on_with_the_new(path: Path) -> None:
    """A process in the middle of a query is not disturbed, and needs no restart to see the new store."""
    old_store(path)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    reader = context.Process(target=read_on, args=(path, theirs))
    reader.start()
    try:
        assert ours.recv() == ["old"] * 3
        with build_beside(path) as store:
            store.write([(number, record(subject="new")) for number in range(1, 6)])
        assert subjects(path) == ["new"] * 5
        ours.send("replaced")
        assert ours.recv() == ["old"] * 36
        assert ours.recv() == ["new"] * 5
        assert ours.recv() == [("ok",)]
        with Store.open(path) as store:
            store.write([(6, record(subject="newer"))])
            ours.send("end")
            reader.join()
            store.write([(7, record(subject="newest"))])
    finally:
        reader.kill()
        reader.join()
        reader.close()
    assert sorted(set(subjects(path))) == ["new", "newer", "newest"]
    with Store.open(path) as store:
        assert store._db.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_writer_of_the_old_store_goes_on_in_the_new_one(path: Path) -> None:
    """A daemon that has the store open writes its next record into the new content, not into a lost file."""
    old_store(path)
    with Store.open(path) as daemon:
        with build_beside(path) as store:
            store.write([(1, record(subject="new"))])
        daemon.write([(100, record(subject="daemon"))])
        assert daemon.ids() == {1, 100}
    assert sorted(subjects(path)) == ["daemon", "new"]


def test_killed_while_it_is_built_the_old_store_stays_and_the_next_build_works(path: Path) -> None:
    """What a crash leaves is swept away by the next build."""
    old_store(path)
    child = os.fork()
    if child == 0:  # pragma: no cover  # it is killed
        with build_beside(path) as store:
            store.write([(1, record(subject="lost"))])
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert set(subjects(path)) == {"old"}
    assert "newsletters.db.building" in files(path)
    with build_beside(path) as store:
        assert store.count() == 0
        store.write([(1, record(subject="new"))])
    assert subjects(path) == ["new"]
    assert files(path) == {"newsletters.db"}


def test_a_damaged_store_is_replaced_and_kept_aside(path: Path) -> None:
    """A file that cannot be read is no reason to refuse, and no reason to destroy it."""
    path.write_bytes(b"no database" * 1000)
    path.with_name(path.name + "-wal").write_bytes(b"leftover")
    with build_beside(path) as store:
        store.write([(1, record(subject="new"))])
    assert subjects(path) == ["new"]
    assert path.with_name("newsletters.db.damaged").read_bytes() == b"no database" * 1000
    assert files(path) == {"newsletters.db", "newsletters.db.damaged"}


def test_the_side_file_of_a_deleted_store_is_not_applied_to_the_new_one(path: Path) -> None:
    """Who deletes newsletters.db alone after a crash leaves a -wal file, which belongs to no other file."""
    wal = path.with_name(path.name + "-wal")
    with Store.open(path) as store:
        store.write([(1, record(subject="old"))])
        left = wal.read_bytes()
    path.unlink()
    wal.write_bytes(left)
    with build_beside(path) as store:
        store.write([(number, record(subject="new")) for number in range(2, 5)])
    assert subjects(path) == ["new"] * 3


def test_another_programs_file_is_refused_before_the_work(path: Path) -> None:
    """A wrong path in the settings must not cost somebody's database."""
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not a store of this program"), build_beside(path):
        pytest.fail("nothing may be built")
    assert path.read_bytes() == before


def test_two_builds_at_once_are_refused(path: Path) -> None:
    """The second one is told that the first is running, and does not disturb it."""
    with build_beside(path) as store:
        with pytest.raises(StoreError, match="another rebuild is running"), build_beside(path):
            pytest.fail("nothing may be built")
        store.write([(1, record(subject="new"))])
    assert subjects(path) == ["new"]


def test_a_store_that_stays_locked_is_left_as_it_is(path: Path) -> None:
    """When a writer does not let go, the build ends with an error and the old rows stay."""
    old_store(path)
    other = sqlite3.connect(path, isolation_level=None)

    def kept_waiting() -> None:
        with build_beside(path, patience=0) as store:
            store.write([(1, record(subject="new"))])
            other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="keeps it locked"):
        kept_waiting()
    other.execute("ROLLBACK")
    other.close()
    assert set(subjects(path)) == {"old"}


def test_a_link_to_the_store_stays_a_link(path: Path) -> None:
    """The file that the link names is replaced, not the link."""
    link = path.with_name("link.db")
    link.symlink_to(path)
    with build_beside(link) as store:
        store.write([(1, record(subject="new"))])
    assert link.is_symlink()
    assert subjects(path) == ["new"]


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    """A path below a file is refused with a remedy."""
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(StoreError, match="must be writable"),
        build_beside(tmp_path / "file" / "newsletters.db"),
    ):
        pytest.fail("nothing may be built")


def test_a_lock_taken_at_the_last_moment_ends_the_copy(path: Path) -> None:
    """The copy waits as long as it may and then says who is in the way; it does not try for ever."""
    old_store(path)
    with (
        closing(Database.open(path, FORMAT, create=False, patience=0)) as service,
        closing(Database.open(path.with_name("new.db"), FORMAT, create=True, patience=0)) as new,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="keeps it locked"):
            service.copy_from(new)
        other.execute("ROLLBACK")
    assert set(subjects(path)) == {"old"}
