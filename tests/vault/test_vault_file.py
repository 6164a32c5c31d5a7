"""The file vault.db: who may read it, how it is committed, and when it is refused."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import stat
import subprocess
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.records import mail
from watcher.vault import Arrival, Vault, VaultError
from watcher.vault.schema import migrations
from watcher.vault.vault import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def pragma(vault: Vault, name: str) -> object:
    return vault._db.one(f"PRAGMA {name}")


def test_the_vault_and_its_side_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    """vault.db, -wal and -shm can be read by their owner alone (operations: the permission matrix)."""
    before = os.umask(0)
    try:
        with Vault.open(tmp_path / "vault.db") as vault:
            vault.mailbox("politics", "INBOX")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"vault.db": 0o600, "vault.db-wal": 0o600, "vault.db-shm": 0o600}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o620])
@pytest.mark.parametrize("way", [Vault.open, Vault.look])
def test_a_vault_that_others_can_read_is_not_opened(
    path: Path, vault: Vault, mode: int, way: Callable[[Path], Vault]
) -> None:
    """A copy restored with a careless umask: the message has the command, which makes it well."""
    path.chmod(mode)
    with pytest.raises(VaultError, match="others can read it") as refused:
        way(path)
    command = re.search(r"`(chmod .*?)`", str(refused.value))
    assert command is not None
    subprocess.run(shlex.split(command[1]), check=True)
    way(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("page_size", 8192),
        ("user_version", VERSION),
    ],
)
def test_each_connection_is_durable_and_strict(vault: Vault, name: str, value: object) -> None:
    """A commit is on the disk when it returns: WAL with synchronous=FULL (2)."""
    assert pragma(vault, name) == value


def test_the_version_counts_the_migrations() -> None:
    """A migration that is not counted would never be applied to an existing vault."""
    assert len(migrations._migrations) == VERSION


def test_the_smallest_schema_change_is_noticed(vault: Vault) -> None:
    """Applying the migrations again finds nothing to do."""
    from sqlite_utils import Database

    assert migrations.pending(Database(vault._db._connection)) == []


def test_a_missing_vault_is_made_only_when_allowed(path: Path) -> None:
    """A command that only reads makes no empty vault."""
    with pytest.raises(VaultError, match="no such file yet"):
        Vault.open(path, create=False)
    assert not path.exists()


def damaged(path: Path) -> None:
    path.write_bytes(b"this is no database, it is a text of some length" * 100)


def foreign(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()


def newer(path: Path) -> None:
    Vault.open(path).close()
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA user_version = {VERSION + 1}")
    other.close()


def store(path: Path) -> None:
    from watcher.store import Store

    Store.open(path).close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (damaged, "damaged or is no SQLite database .* restore it from a backup"),
        (foreign, "not a vault of this program"),
        (store, "not a vault of this program"),
        (newer, "newer version .* update the program"),
        (lambda path: path.mkdir(), "this is a directory"),
    ],
)
def test_a_file_that_is_no_vault_of_ours_is_refused_untouched(
    tmp_path: Path, make: object, message: str
) -> None:
    """The error names the file, what is wrong and what to do; the file stays as it was."""
    path = tmp_path / "vault.db"
    make(path)  # type: ignore[operator]
    if path.is_file():
        path.chmod(0o600)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(VaultError, match=message) as raised:
        Vault.open(path)
    assert str(path) in str(raised.value)
    assert before == (path.read_bytes() if path.is_file() else None)


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    """What the system refuses becomes an error with a remedy."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(VaultError, match="must be writable"):
        Vault.open(tmp_path / "file" / "vault.db")


def test_a_locked_vault_is_reported_after_the_patience(path: Path, vault: Vault) -> None:
    """Another writer is waited for, and then named as the cause."""
    with vault._db.transaction(), pytest.raises(VaultError, match="another process keeps it locked"):
        Vault.open(path, patience=0)


def test_a_full_disk_stores_nothing_of_the_batch(vault: Vault) -> None:
    """When the disk is full, the batch is rolled back, and the vault works again when there is space."""
    mailbox = vault.mailbox("politics", "INBOX")
    arrivals = [Arrival(1, mail(1), None, 1), Arrival(2, os.urandom(5_000_000), None, 1)]
    vault._db.execute(f"PRAGMA max_page_count = {pragma(vault, 'page_count')}")
    with pytest.raises(VaultError, match="disk is full"):
        vault.store(mailbox.id, arrivals, uidvalidity=1, last_uid=2)
    assert (vault.message_ids(), vault.mailbox("politics", "INBOX").last_uid) == ([], 0)
    vault._db.execute("PRAGMA max_page_count = 1000000")
    assert vault.store(mailbox.id, arrivals, uidvalidity=1, last_uid=2).new == (1, 2)


def test_a_disk_without_space_is_noticed_before_any_mail_is_fetched(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening fails while there is next to no space."""
    Vault.open(path).close()
    real = os.statvfs(path.parent)
    full = os.statvfs_result((*real[:4], 10, *real[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    with pytest.raises(VaultError, match="disk is full"):
        Vault.open(path)


def test_a_vault_that_was_deleted_while_open_is_not_written(path: Path, vault: Vault) -> None:
    """Mail would go into a file without a name, and be lost: it is refused instead."""
    mailbox = vault.mailbox("politics", "INBOX")
    path.rename(path.with_name("elsewhere.db"))
    arrivals = [Arrival(1, mail(1), None, 1)]
    with pytest.raises(VaultError, match="deleted, moved or replaced"):
        vault.store(mailbox.id, arrivals, uidvalidity=1, last_uid=1)
    path.write_bytes(path.with_name("elsewhere.db").read_bytes())
    with pytest.raises(VaultError, match="deleted, moved or replaced"):
        vault.store(mailbox.id, arrivals, uidvalidity=1, last_uid=1)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize(("directory", "file"), [(0o500, 0o600), (0o700, 0o400)])
def test_a_vault_that_cannot_be_written_is_refused(tmp_path: Path, directory: int, file: int) -> None:
    """A read-only directory or file is found when the vault is opened, and the remedy names the user."""
    home = tmp_path / "home"
    path = home / "vault.db"
    Vault.open(path).close()
    nobody = 65534
    for each in (home, path):
        os.chown(each, nobody, nobody)
    path.chmod(file)
    home.chmod(directory)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o011)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover  # another process
        os.setgroups([])
        os.setgid(nobody)
        os.setuid(nobody)
        try:
            Vault.open(path)
        except VaultError as error:
            os.write(writer, str(error).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as said:
        assert "cannot be written" in (message := said.read())
    assert f"writable for user id {nobody}" in message


def test_many_may_open_a_new_vault_at_once(path: Path) -> None:
    """The schema is made by one of them; nobody fails."""
    start = threading.Barrier(6)
    failures: list[BaseException] = []

    def open_it() -> None:
        start.wait()
        try:
            with Vault.open(path) as vault:
                vault.mailbox("politics", "INBOX")
        except BaseException as error:  # noqa: BLE001  # any failure in a thread is the finding
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Vault.open(path) as vault:
        assert vault.mailbox("politics", "INBOX").id == 1


def in_the_file_alone(path: Path) -> list[str]:
    """The folders that the file itself has, without a look at its -wal."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as still:
        return [folder for (folder,) in still.execute("SELECT folder FROM mailboxes ORDER BY id")]


def test_what_was_committed_is_written_back_when_nobody_waits(path: Path, vault: Vault) -> None:
    """`fold` moves commits from the -wal into the file once there are some, and lets few of them lie."""
    vault._db.tidy()
    folders = [f"Newsletters/{number}" for number in range(8)]
    for folder in folders[:-1]:
        vault.mailbox("politics", folder)
    vault.fold()
    assert in_the_file_alone(path) == []
    vault.mailbox("politics", folders[-1])
    vault.fold()
    assert in_the_file_alone(path) == folders


def test_a_reader_in_the_midst_of_a_query_keeps_what_it_sees_while_the_wal_is_folded(
    path: Path, vault: Vault
) -> None:
    """`fold` waits for nobody and takes nothing away: who reads the state of before goes on reading it."""
    vault.mailbox("politics", "INBOX")
    with Vault.look(path) as reader:
        reader._db.execute("BEGIN")
        before = reader._db.rows("SELECT folder FROM mailboxes")
        for number in range(8):
            vault.mailbox("politics", str(number))
        vault.fold()
        assert reader._db.rows("SELECT folder FROM mailboxes") == before == [("INBOX",)]
        reader._db.execute("ROLLBACK")
        assert reader._db.one("SELECT count(*) FROM mailboxes") == 9
