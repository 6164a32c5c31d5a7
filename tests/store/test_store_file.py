"""The file newsletters.db: who may read it, how it is opened, and when it is refused."""

from __future__ import annotations

import os
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest
import sqlite_utils

from tests.support.records import record
from watcher.store import Store, StoreError, rows, schema, summary
from watcher.store.store import FORMAT, VERSION
from watcher.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("umask", "mode"), [(0o007, 0o660), (0o022, 0o640), (0o077, 0o600)])
def test_the_group_may_write_as_far_as_the_umask_allows(tmp_path: Path, umask: int, mode: int) -> None:
    """With UMask=0007 the file and its side files are 0660: the group can make them again."""
    before = os.umask(umask)
    try:
        with Store.open(tmp_path / "newsletters.db") as store:
            store.write([(1, record())])
            modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {mode}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become other users")
def test_a_reader_of_the_group_and_the_writer_do_not_shut_each_other_out(tmp_path: Path) -> None:
    """The writer stops, a reader of its group opens and is killed, the writer starts again."""
    home, writer, reader, group = tmp_path / "home", 50_001, 50_002, 50_003
    home.mkdir()
    os.chown(home, writer, group)
    home.chmod(0o2770)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o011)
    path = home / "newsletters.db"

    def write() -> None:
        with Store.open(path) as store:
            store.write([(store.count() + 1, record())])

    def read_and_die() -> None:
        import sqlite3

        connection = sqlite3.connect(path.as_uri() + "?mode=ro", uri=True)
        connection.execute("SELECT count(*) FROM newsletters").fetchone()
        os._exit(0)  # without closing: the side files stay, owned by the reader

    assert [run_as(writer, group, write), run_as(reader, group, read_and_die)] == [0, 0]
    assert [run_as(writer, group, write), run_as(reader, group, read_and_die)] == [0, 0]
    with Store.open(path) as store:
        assert store.ids() == {1, 2}


def run_as(user: int, group: int, work: object) -> int:
    child = os.fork()
    if child == 0:  # pragma: no cover  # another process
        os.umask(0o007)
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
        try:
            work()  # type: ignore[operator]
        except BaseException:  # noqa: BLE001  # told by the exit code
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 1),
        ("foreign_keys", 1),
        ("page_size", 8192),
        ("user_version", VERSION),
    ],
)
def test_each_connection_is_set_up_for_derived_rows(store: Store, name: str, value: object) -> None:
    """WAL with synchronous=NORMAL (1): a power cut may take the last rows, which are derived again."""
    assert store._db.one(f"PRAGMA {name}") == value


def test_the_version_counts_the_migrations() -> None:
    """A migration that is not counted would never be applied to an existing store."""
    assert len(schema.migrations._migrations) == VERSION


def test_an_older_store_keeps_its_rows_and_gains_what_is_new(path: Path) -> None:
    """After an update the archive is readable at once; `rebuild` fills what the old version did not know."""
    connection = sqlite3.connect(path)
    schema.migrations.apply(sqlite_utils.Database(connection), stop_before="m002_reasons_and_results")
    old = [
        column
        for column in rows.NEWSLETTERS.columns
        if column not in {"kind_reason", "sender_unauthenticated"}
    ]
    values = [
        f"{n}" if column not in {"sender", "platform", "delivery"} else None
        for n, column in enumerate(old, 1)
    ]
    connection.execute(rows.Table("newsletters", tuple(old)).insert, values)
    connection.execute(f"PRAGMA application_id = {FORMAT.application_id}")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    with Store.open(path) as store:
        store.write([(2, record())])
        assert store._db.rows("SELECT id, kind_reason FROM newsletters ORDER BY id") == [
            (1, ""),
            (2, "header List-Id"),
        ]
        assert store._db.one("PRAGMA user_version") == VERSION


def test_a_vault_is_not_taken_for_a_store(path: Path) -> None:
    """Each file knows what it is."""
    Vault.open(path).close()
    with pytest.raises(StoreError, match="not a store of this program"):
        Store.open(path)


def test_a_damaged_store_is_no_loss_and_says_so(path: Path) -> None:
    """The remedy for a store is to derive it again."""
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="move the file away and run `watcher rebuild`"):
        Store.open(path)


def test_a_missing_store_is_not_made_by_a_reader(path: Path) -> None:
    """What only shows makes no file."""
    with pytest.raises(StoreError, match="no such file yet"):
        summary(path)
    assert not path.exists()


def test_every_faceted_or_joined_column_has_an_index(store: Store) -> None:
    """A facet without an index takes longer than Datasette allows, and disappears without a word."""
    faceted = {
        *("sender", "platform", "delivery", "received_at", "month", "language", "kind", "inbox", "status"),
        *("from_domain", "from_address", "list_id", "campaign_id"),
    }
    assert faceted <= first_columns(store, "newsletters")
    tables = ("newsletter_providers", "evidence", "links", "trackers", "removed", "attachments")
    assert all("newsletter_id" in first_columns(store, table) for table in tables)


def first_columns(store: Store, table: str) -> set[object]:
    sql = "SELECT c.name FROM pragma_index_list(?) i JOIN pragma_index_info(i.name) c WHERE c.seqno = 0"
    return {name for (name,) in store._db.rows(sql, (table,))}


def test_foreign_keys_are_declared_and_hold(store: Store) -> None:
    """Senders, platforms and delivery services are keys in words; no row points nowhere."""
    store.write([(1, record())])
    keys = store._db.rows('SELECT "from", "table", "to" FROM pragma_foreign_key_list(?)', ("newsletters",))
    assert set(keys) == {
        ("sender", "senders", "slug"),
        ("platform", "providers", "slug"),
        ("delivery", "providers", "slug"),
        ("issue", "issues", "id"),
    }
    assert store._db.rows("PRAGMA foreign_key_check") == []


def test_a_migration_that_fails_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All migrations are one transaction: after an error in the last statement the file has no table."""
    monkeypatch.setattr(schema, "RECORD_PAGE", "CREATE VIEW nonsense")
    with pytest.raises(StoreError, match="SQLITE_ERROR"):
        Store.open(path)
    monkeypatch.undo()
    with Store.open(path) as store:
        store.write([(1, record())])
        assert store._db.one("SELECT count(*) FROM record_page") == 1
