"""Reading while the daemon runs and while it is stopped, with real accounts and real modes."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import datasette.app
import pytest
from datasette.plugins import pm

import watcher.web.plugin
from tests.support.web import CONFIG, serving
from tests.support.web_archive import newsletters, write_archive
from watcher.cli.accounts import Account, acting
from watcher.store import Store
from watcher.web import WebError, command, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

# Numbers that no account of the machine has.
OWNER = Account("owner", 61001, 61001, frozenset({61001}))
READER = Account("reader", 61002, 61002, frozenset({61001, 61002}))
STRANGER = Account("stranger", 61003, 61003, frozenset({61003}))


def _closed_to_others() -> str:
    """Return why other accounts cannot run the code under test here; empty when they can."""
    if os.geteuid() != 0:
        return "only root can act as another account"
    for module in (watcher.web.plugin, datasette.app):
        path = Path(str(module.__file__))
        if not path.stat().st_mode & 0o004 or not all(each.stat().st_mode & 0o001 for each in path.parents):
            return f"other accounts cannot read {path}"
    return ""


needs_accounts = pytest.mark.skipif(bool(_closed_to_others()), reason=_closed_to_others() or "they can")


@pytest.fixture(scope="module", autouse=True)
def _loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Load all that a page takes: an account that is acted as may be unable to read Python itself.

    The plugin is registered anew: Datasette does it while it is imported, and sees half of a module when that
    is what imports Datasette first, as in other tests.
    """
    if pm.is_registered(watcher.web.plugin):
        pm.unregister(watcher.web.plugin)
    pm.register(watcher.web.plugin, "watcher")
    with _front_page(write_archive(tmp_path_factory.mktemp("loaded") / "newsletters.db")) as said:
        assert said == "200 reads"


@pytest.fixture
def store() -> Iterator[Path]:
    """An archive of `OWNER` in a directory that every account can reach, unlike pytest's own."""
    base = Path(tempfile.mkdtemp(prefix="reading-", dir="/tmp"))
    base.chmod(0o755)
    path = write_archive(base / "archive" / "newsletters.db")
    for each in (path, path.parent) if os.geteuid() == 0 else ():
        os.chown(each, OWNER.uid, OWNER.gid)
    yield path
    shutil.rmtree(base)


def answered(store: Path, account: Account) -> str:
    """Return what `account` sees at the front page, or what `watcher serve` would say instead."""
    with acting(account, lambda: _front_page(store)) as text:
        return text


@contextmanager
def _front_page(store: Path) -> Iterator[str]:
    try:
        arguments = command(store, CONFIG, "127.0.0.1", 8001)
    except WebError as problem:
        yield str(problem)
        return
    immutable = "--immutable" in arguments
    files, frozen = ([], [str(store)]) if immutable else ([str(store)], [])
    served = datasette.app.Datasette(files, immutables=frozen, settings={"num_sql_threads": 0})
    page = asyncio.run(served.client.get("/"))
    found = "Kingfishers" in page.text and "read now" not in page.text
    yield f"{'immutable ' if immutable else ''}{page.status_code} {'reads' if found else 'does not read'}"


@contextmanager
def daemon(store: Path) -> Iterator[None]:
    """Hold the store open as the daemon does, with something in the -wal file."""
    with closing(Store.open(store)) as opened:
        opened.write([newsletters()[0]])
        assert store.with_name("newsletters.db-wal").stat().st_size
        yield


def writes(store: Path) -> str:
    """Return whether the owner can still write."""

    @contextmanager
    def part() -> Iterator[str]:
        with closing(Store.open(store)) as opened:
            opened.write([newsletters()[1]])
            yield "writes"

    with acting(OWNER, part) as text:
        return text


ONLY_WHILE = "could read it only while the daemon runs"
CLOSED = "may not read it"
MATRIX = [
    # directory, file, who reads, while the daemon runs, while it is stopped
    (0o700, 0o600, OWNER, "200 reads", "200 reads"),
    (0o2770, 0o660, OWNER, "200 reads", "200 reads"),
    (0o2770, 0o660, READER, "200 reads", "200 reads"),
    (0o2750, 0o640, READER, "200 reads", ONLY_WHILE),
    (0o2750, 0o660, READER, "200 reads", ONLY_WHILE),
    (0o700, 0o660, READER, CLOSED, CLOSED),
    (0o2770, 0o600, READER, CLOSED, CLOSED),
    (0o2770, 0o660, STRANGER, CLOSED, CLOSED),
    (0o500, 0o600, OWNER, "200 reads", ONLY_WHILE),
]


@needs_accounts
@pytest.mark.parametrize(("folder", "file", "reader", "running", "stopped"), MATRIX)
def test_the_matrix(store: Path, folder: int, file: int, reader: Account, running: str, stopped: str) -> None:
    """Each row reads, or says before it starts that it cannot and what to do; and the daemon can go on."""
    store.chmod(file)
    store.parent.chmod(folder)
    with daemon(store):
        assert running in answered(store, reader)
    assert not store.with_name("newsletters.db-wal").exists()
    said = answered(store, reader)
    assert stopped in said
    assert stopped == "200 reads" or "`watcher check`, as root" in said
    if folder & 0o200:
        assert writes(store) == "writes"
        assert stopped != "200 reads" or "200 reads" in answered(store, reader)


@needs_accounts
@pytest.mark.parametrize(("folder", "file", "reader", "_running", "stopped"), MATRIX[:4])
def test_after_a_crash_of_the_daemon(
    store: Path, folder: int, file: int, reader: Account, _running: str, stopped: str
) -> None:
    """What was committed is in the -wal file, which nobody folded in: who may read the store reads that."""
    store.chmod(file)
    with daemon(store):
        left = [(each, each.read_bytes()) for each in store.parent.glob("newsletters.db*")]
    for each, content in left:
        each.write_bytes(content)
        each.chmod(file)
        os.chown(each, OWNER.uid, OWNER.gid)
    store.parent.chmod(folder)
    assert answered(store, reader) == "200 reads"
    assert stopped in {"200 reads", ONLY_WHILE}


@needs_accounts
def test_a_published_copy_is_read_where_nobody_may_write(store: Path) -> None:
    """By anybody, with and without `--immutable`; no file appears beside it."""
    with closing(sqlite3.connect(store)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    store.chmod(0o444)
    store.parent.chmod(0o555)
    assert answered(store, STRANGER) == "200 reads"
    assert [each.name for each in store.parent.iterdir()] == ["newsletters.db"]


def test_a_read_only_file_system_is_served_as_immutable(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There nobody writes. With commits in a -wal file that cannot be read, it would show old newsletters."""
    uri = store.resolve().as_uri()

    def refused(*_arguments: object, **_keywords: object) -> sqlite3.Connection:
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorname = "SQLITE_CANTOPEN"
        raise error

    class ReadOnly:
        f_flag = os.ST_RDONLY

    assert not reading.needs_immutable(store)
    monkeypatch.setattr(reading.sqlite3, "connect", refused)
    with pytest.raises(reading.UnreadableError, match=ONLY_WHILE):
        reading.needs_immutable(store)
    monkeypatch.setattr(reading.os, "statvfs", lambda _path: ReadOnly)
    assert reading.needs_immutable(store)
    assert "--immutable" in command(store, CONFIG, "127.0.0.1", 8001)
    store.with_name("newsletters.db-wal").write_bytes(b"frames")
    with pytest.raises(WebError, match=ONLY_WHILE):
        command(store, CONFIG, "127.0.0.1", 8001)
    assert uri.startswith("file:")


def test_a_file_that_is_no_database_is_told(store: Path) -> None:
    """Before a server starts that has nothing to show."""
    store.write_bytes(b"this is no database, however long one reads" * 100)
    with pytest.raises(WebError, match=r"newsletters\.db: it cannot be read \(file is not a database\)"):
        command(store, CONFIG, "127.0.0.1", 8001)


def test_pages_say_calmly_that_the_file_is_gone(tmp_path: Path) -> None:
    """A store that vanishes under a server: 503 and no path, and it comes back by itself."""
    store = write_archive(tmp_path / "newsletters.db")
    with serving(store) as web:
        aside = tmp_path / "aside"
        for each in list(tmp_path.glob("newsletters.db*")):
            each.rename(aside.with_name("aside" + each.name))
        answers = [web.get("/-/newsletters") for _ in range(4)]  # a thread that has the file open goes on
        for answer in answers:
            assert answer.status in {200, 503}
            assert str(tmp_path) not in answer.text
            if answer.status == 503:
                assert "cannot be read just now" in answer.text
                assert answer.headers["Content-Security-Policy"]


def test_what_is_missing_or_closed_is_told(tmp_path: Path) -> None:
    """No archive yet is another thing than one that is closed to us."""
    with pytest.raises(WebError, match="there is no archive yet; run `watcher poll`"):
        command(tmp_path / "newsletters.db", CONFIG, "127.0.0.1", 8001)
    (tmp_path / "file").touch()
    with pytest.raises(WebError, match=r"may not read it \(Not a directory\); `watcher check`"):
        command(tmp_path / "file" / "newsletters.db", CONFIG, "127.0.0.1", 8001)
