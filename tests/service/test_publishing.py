"""What leaves the house with `watcher publish`, and what keeps it from leaving."""

from __future__ import annotations

import base64
import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support import disguises
from tests.support.home import READER, mail
from tests.support.web import serving
from tests.support.web_archive import MAILCHIMP, newsletters, write_archive
from watcher import settings as room
from watcher.record import Authentication, Layer, Provider, ProviderStatus
from watcher.service import publishing
from watcher.store import Store, public
from watcher.web import public_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.home import Home

INBOXES = """
inboxes:
  - {name: politics, host: imap.example.org, username: reader@example.org, password: {env: UNUSED},
     addresses: [second@example.net], redact: [Rosa Muster]}
  - {name: nature, host: imap.example.org, username: not-an-address, password: {env: UNUSED}, redact: [Otter]}
"""
SENDERS = "senders: [{name: River Watch, match: {aliases: [rivers@alias.example.net, rivers]}}]\n"


@pytest.fixture
def filled(home: Home) -> Home:
    """A watcher with two inboxes and an archive of ten mails, eight of them newsletters."""
    home.configure(INBOXES, SENDERS)
    home.store.parent.mkdir()
    write_archive(home.store)
    number, record = newsletters()[-1]
    relay = Provider("forwarder", "A Forwarder", Layer.RELAY, ProviderStatus.ASSERTED, "", MAILCHIMP.evidence)
    with closing(Store.open(home.store)) as store:
        record = replace(
            record,
            received_at="2026-11-20T16:05:37Z",
            sent_at="2026-11-20T16:04:59Z",
            providers=(*record.providers, relay),
            authentication=(Authentication("spf", "pass", "bounce.example.com"),),
        )
        store.write([(number, record)])
    return home


def published(home: Home, *options: str) -> Path:
    outcome = home.run("publish", *options, str(home.root / "public"))
    assert outcome.code == 0, outcome.err
    return home.root / "public" / "newsletters.db"


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
        return db.execute(sql).fetchall()


def plant(home: Home, table: str, column: str, value: str, where: str = "1") -> None:
    with closing(sqlite3.connect(home.store)) as db, db:
        assert db.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (value,)).rowcount > 0  # noqa: S608


def test_what_is_the_owners_own_affair_stays_behind(filled: Home) -> None:
    """Inboxes, seconds, relays, the receiver's results, hashes of files, senders that sent nothing."""
    plant(filled, "attachments", "sha256", "ab" * 32)
    with closing(sqlite3.connect(filled.store)) as db, db:
        db.execute("INSERT INTO senders VALUES ('awaited', 'Awaited', '', '', '', '', '', '')")
    copy = published(filled)
    assert rows(copy, "SELECT DISTINCT inbox FROM newsletters") == [("",)]
    assert rows(copy, "SELECT DISTINCT inbox FROM counts") == [("",)]
    assert rows(copy, "SELECT * FROM value_counts WHERE name = 'inbox'") == []
    assert rows(copy, "SELECT received_at, sent_at FROM newsletters ORDER BY received_at DESC LIMIT 1") == [
        ("2026-11-20T16:05:00Z", "2026-11-20T16:04:00Z")
    ]
    for table in ("newsletter_providers", "evidence"):
        assert rows(copy, f"SELECT * FROM {table} WHERE layer = 'relay'") == []  # noqa: S608
        assert rows(copy, f"SELECT * FROM {table} WHERE layer = 'platform'") != []  # noqa: S608
    assert rows(copy, "SELECT * FROM authentication") == []
    assert rows(copy, "SELECT DISTINCT sha256 FROM attachments") == [("",)]
    assert rows(copy, "SELECT slug FROM senders ORDER BY 1") == [("river-watch",), ("willow-creek-party",)]
    assert b"politics" not in copy.read_bytes()
    assert b"Awaited" not in copy.read_bytes()


def test_newsletters_alone_are_published_unless_all_is_said(filled: Home) -> None:
    """A confirmation and a mail that could not be read stay behind, in sums and in the index as well."""
    copy = published(filled)
    assert rows(copy, "SELECT kind, status, count(*) FROM newsletters GROUP BY 1, 2") == [
        ("newsletter", "done", 8)
    ]
    assert rows(copy, "SELECT value, newsletters FROM value_counts WHERE name = 'kind'") == [
        ("newsletter", 8)
    ]
    found = "SELECT count(*) FROM newsletters_fts WHERE newsletters_fts MATCH "
    assert rows(copy, found + "'bestatigen'") == [(0,)]
    assert rows(copy, found + "'kingfishers'") == [(1,)]
    assert "bestätigen".encode() not in copy.read_bytes()
    copy = published(filled, "--all")
    assert rows(copy, "SELECT count(*) FROM newsletters") == [(10,)]
    assert rows(copy, found + "'bestatigen'") == [(1,)]


def test_the_copy_can_be_served_where_nothing_can_be_written(filled: Home) -> None:
    """One file that everybody may read, not in WAL mode, with its profile and the command for it."""
    before = os.umask(0o077)
    try:
        copy = published(filled)
    finally:
        os.umask(before)
    assert sorted(each.name for each in copy.parent.iterdir()) == [
        "README.md",
        "datasette.yaml",
        "newsletters.db",
    ]
    assert {stat.S_IMODE(each.stat().st_mode) for each in copy.parent.iterdir()} == {0o644}
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o755
    assert rows(copy, "PRAGMA journal_mode") == [("delete",)]
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
    readme = (copy.parent / "README.md").read_text()
    assert "8 newsletters" in readme
    assert (
        "datasette serve --immutable newsletters.db --metadata datasette.yaml --setting suggest_facets off"
        in readme
    )
    with serving(copy, copy.parent / "datasette.yaml") as web:
        page = web.get("/")
        assert "Kingfishers" in page.text
        assert "Inbox" not in page.text
        record = web.get(f"/newsletters/newsletters/{newsletters()[-1][0]}")
        assert record.status == 200
        assert "<dt>Inbox" not in record.text
        assert web.get("/-/newsletters.atom").status == 200
        assert web.get("/newsletters?sql=select+1").status == 403
        assert web.get("/newsletters.db").status in {200, 403}


def test_the_printed_command_is_one_that_datasette_takes(filled: Home) -> None:
    """Each of its options is known."""
    copy = published(filled)
    words = public_command(copy.name, copy.parent / "datasette.yaml")
    command = [sys.executable, "-m", *words, "--get", "/-/newsletters"]
    done = subprocess.run(command, cwd=copy.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Kingfishers" in done.stdout


ADDRESS = READER.encode()
DISGUISES: dict[str, Callable[[], str]] = {
    "plain": lambda: f"for {READER}, dear",
    "capitals": READER.upper,
    "percent": lambda: "https://x.example.org/?to=reader%40example.org",
    "twice percent": lambda: "reader%2540example.org",
    "base64": lambda: "https://x.example.org/u/" + base64.b64encode(b"id=7;" + ADDRESS).decode(),
    "base64url": lambda: base64.urlsafe_b64encode(ADDRESS).decode().rstrip("="),
    "md5": lambda: hashlib.md5(ADDRESS).hexdigest(),
    "sha256": lambda: "x-" + hashlib.sha256(ADDRESS).hexdigest(),
    "hex": ADDRESS.hex,
    "verp": lambda: "bounce-reader=example.org@mail.example.com",
    "entity": lambda: "reader&#64;example.org",
    "tag": lambda: "reader+willow@example.org",
    "second address": lambda: "second@example.net",
    "alias": lambda: "rivers@alias.example.net",
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_reader_s_address_stops_the_publication(filled: Home, disguise: str) -> None:
    """In whatever dress, in any text; the place is told, the text is not, and nothing is written."""
    value = DISGUISES[disguise]()
    plant(filled, "bodies", "html", f"<p>one {value} two</p>", "newsletter_id = 10")
    outcome = filled.run("publish", str(filled.root / "public"))
    assert outcome.code == 1
    assert "bodies.html (newsletter_id 10)" in outcome.err
    assert "`watcher rebuild`" in outcome.err
    assert value not in outcome.err + outcome.out
    assert "example.org" not in outcome.err.replace(str(filled.root), "")
    assert list((filled.root / "public").iterdir()) == []


@pytest.mark.parametrize("form", disguises.FORMS)
def test_the_gate_knows_every_form_of_an_address(filled: Home, form: str) -> None:
    """All that the cleaning takes out, alone and within a text and an address of the web."""
    gate = publishing.Gate(room.load(filled.config))
    written = disguises.FORMS[form](READER)
    for text in (written, f"<p>one {written} two</p>", f"see https://x.example.com/{written}, or not"):
        assert gate.names_reader(text, "politics"), text
        assert not gate.names_reader(text.replace(written, "nobody"), "politics")


@pytest.mark.parametrize(
    ("table", "column", "where", "place"),
    [
        ("newsletters", "subject", "id = 10", "newsletters.subject (id 10)"),
        ("newsletters", "warnings", "id = 10", "newsletters.warnings (id 10)"),
        ("links", "url", "newsletter_id = 9", "links.url (newsletter_id 9, position"),
        (
            "evidence",
            "value",
            "newsletter_id = 9",
            "evidence.value (newsletter_id 9, position",
        ),
        ("attachments", "name", "newsletter_id = 9", "attachments.name (newsletter_id 9, position"),
        ("senders", "website", "slug = 'river-watch'", "senders.website (row "),
        ("providers", "name", "slug = 'mailgun'", "providers.name (row "),
        ("newsletters", "from_domain", "id = 10", "counts.from_domain (row"),
    ],
)
def test_every_column_is_looked_through(
    filled: Home, table: str, column: str, where: str, place: str
) -> None:
    """Registers, hidden tables and sums, too; a key that is a text is not told."""
    plant(filled, table, column, f"see {READER}", where)
    outcome = filled.run("publish", str(filled.root / "public"))
    assert outcome.code == 1
    assert place in outcome.err
    assert READER not in outcome.err


def test_many_hits_are_counted(filled: Home) -> None:
    """The first ten places, and how many more."""
    plant(filled, "links", "text", READER)
    outcome = filled.run("publish", str(filled.root / "public"))
    assert outcome.err.count("links.text") == 10
    ((links,),) = rows(
        filled.store,
        "SELECT count(*) FROM links WHERE newsletter_id IN "
        "(SELECT id FROM newsletters WHERE kind = 'newsletter' AND status = 'done')",
    )
    assert f" and {links - 10} more;" in outcome.err


@pytest.mark.parametrize(
    ("text", "inbox", "found"),
    [
        ("Dear Rosa Muster, hello", "politics", True),
        ("Dear rosa_muster, hello", "politics", True),
        ("Dear Rosa Muster, hello", "nature", False),  # another inbox's reader
        ("Dear Rosa Muster, hello", "gone", True),  # nobody knows whose mail it is
        ("Dear Rosa Muster, hello", None, True),
        ("the Otter is back", "nature", True),
        ("the otters are back", "nature", False),
        ("see https://rivers.example.org/otter/2026", "nature", False),  # a path of somebody else's site
        ("see https://rivers.example.org/read?name=Otter", "nature", True),
        ("not-an-address", "nature", False),
        ("rivers", None, False),
        ("", None, False),
    ],
)
def test_names_count_in_the_mail_of_their_inbox(
    filled: Home, text: str, inbox: str | None, found: bool
) -> None:
    """As when it was derived, so that a clean archive passes."""
    gate = publishing.Gate(
        room.load(filled.config), room.load_senders(filled.config.with_name("senders.yaml"))
    )
    assert gate.names_reader(text, inbox) == found


def test_an_archive_of_the_pipeline_passes_its_own_gate(home: Home) -> None:
    """What the cleaning left is what the gate accepts: mail that names its reader everywhere is published."""
    home.configure(INBOXES)
    body = (
        f'<p>Dear Rosa Muster, this goes to {READER}.</p><a href="https://x.example.com/?e={READER}">open</a>'
        f'<a href="https://x.example.com/rosa/">Rosa</a><img src="https://p.example.com/{DISGUISES["md5"]()}.gif">'
        f"<p>{DISGUISES['base64']()} {DISGUISES['entity']()} {DISGUISES['twice percent']()}</p>"
    )
    letter = home.root / "letter.eml"
    letter.write_bytes(
        mail(
            f"{READER}, a letter",
            body,
            headers=f"List-Id: <{READER}>\nList-Unsubscribe: <https://x.example.com/u?{READER}>",
            content_type="text/html; charset=utf-8",
        )
    )
    assert home.run("import", "--inbox", "politics", str(letter)).code == 0
    copy = published(home, "--all")
    assert rows(copy, "SELECT count(*) FROM newsletters") == [(1,)]
    assert not any(disguises.names_reader(text.value, READER) for text in public.texts(copy))


def test_a_dry_run_writes_nothing(filled: Home) -> None:
    """It says what there would be, and finds what would stop it."""
    outcome = filled.run("publish", "--dry-run", str(filled.root / "public"))
    assert outcome.code == 0
    assert outcome.out == (
        "8 newsletters could be published; 2 mails that are no newsletters stay behind; nothing was written\n"
    )
    plant(filled, "bodies", "text", READER)
    assert filled.run("publish", "--dry-run", str(filled.root / "public")).code == 1
    assert not (filled.root / "public").exists()
    assert not list(filled.root.glob(".watcher-publish-*"))


def test_a_new_copy_replaces_the_old_one_at_once(filled: Home) -> None:
    """Who has the old one open goes on reading it; a profile that was changed stays."""
    copy = published(filled)
    (copy.parent / "datasette.yaml").write_text("title: Our own\n")
    with closing(sqlite3.connect(f"file:{copy}?mode=ro&immutable=1", uri=True)) as reader:
        plant(filled, "newsletters", "subject", "A new word", "id = 10")
        published(filled)
        old = reader.execute("SELECT subject FROM newsletters WHERE id = 10").fetchone()
    assert old == ("Kingfishers are back below the weir",)
    assert rows(copy, "SELECT subject FROM newsletters WHERE id = 10") == [("A new word",)]
    assert (copy.parent / "datasette.yaml").read_text() == "title: Our own\n"


def test_a_copy_that_failed_leaves_the_old_one(filled: Home) -> None:
    """An address in the archive of today does not take yesterday's copy away."""
    content = published(filled).read_bytes()
    plant(filled, "bodies", "text", READER)
    assert filled.run("publish", str(filled.root / "public")).code == 1
    assert (filled.root / "public" / "newsletters.db").read_bytes() == content


def test_it_is_made_beside_the_daemon(filled: Home) -> None:
    """An open transaction neither waits nor gets into it."""
    with closing(sqlite3.connect(filled.store, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE newsletters SET subject = 'not committed'")
        copy = published(filled)
        writer.execute("ROLLBACK")
    assert rows(copy, "SELECT * FROM newsletters WHERE subject = 'not committed'") == []


def test_the_archive_itself_is_no_place_for_a_copy(filled: Home) -> None:
    """Nor is any database that somebody writes to."""
    outcome = filled.run("publish", str(filled.store.parent))
    assert outcome.code == 1
    assert "is the archive itself" in outcome.err
    other = filled.root / "other"
    other.mkdir()
    for name in ("newsletters.db", "newsletters.db-wal"):
        (other / name).touch()
    assert "a program writes to it" in filled.run("publish", str(other)).err


def test_without_an_archive_there_is_nothing_to_publish(home: Home) -> None:
    """It says what makes one."""
    outcome = home.run("publish", str(home.root / "public"))
    assert outcome.code == 1
    assert "`watcher poll`" in outcome.err
    assert not (home.root / "public").exists()


def test_mail_of_an_inbox_that_is_gone_is_told(filled: Home) -> None:
    """Nobody can look for the names and addresses of its reader."""
    plant(filled, "newsletters", "inbox", "former", "id = 10")
    outcome = filled.run("publish", str(filled.root / "public"))
    assert outcome.code == 0
    assert "the settings name no inbox former" in outcome.err


def test_a_copy_that_does_not_fit_is_not_begun(filled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what is needed and what is free."""

    def almost_full(_path: object) -> os.statvfs_result:
        return os.statvfs_result((4096, 4096, 100, 1, 1, 0, 0, 0, 0, 255))

    monkeypatch.setattr(publishing.os, "statvfs", almost_full)
    outcome = filled.run("publish", str(filled.root / "public"))
    assert outcome.code == 1
    assert "for a moment and 5 kB are free" in outcome.err
    assert not list((filled.root / "public").iterdir())


def test_a_folder_that_cannot_be_written_is_told(filled: Home) -> None:
    """With the system's own words."""
    outcome = filled.run("publish", "/proc/none")
    assert outcome.code == 1
    assert "/proc/none: " in outcome.err


# What a table of the store may hold in public. A new column is not public because it is new: whoever adds one
# decides in `watcher.store.public` whether it may leave the house, and writes it down here.
_NEWSLETTERS = """
    id subject sender from_name from_address from_domain platform delivery sent_at received_at month excerpt
    words reading_minutes links trackers attachments list_id campaign_id language kind inbox status warnings
    pipeline_version sender_reason redactions original_from list_unsubscribe kind_reason issue
    sender_unauthenticated
"""
_PUBLIC = {
    "_sqlite_migrations": "id migration_set name applied_at",
    "attachments": "newsletter_id position name media_type size sha256 inline detected text",
    "authentication": "newsletter_id position method outcome domain",
    "bodies": "newsletter_id text html preheader disclaimer plain",
    "counts": "month sender from_domain platform language inbox newsletters words links opaque trackers",
    "evidence": "newsletter_id position provider layer signal header value rule strength trust",
    "host_counts": "host newsletters links",
    "hour_counts": "day hour newsletters",
    "issue_copies": "newsletter_id wording",
    "issue_keys": "key wording",
    "issue_wordings": "id issue words domain campaign sketch",
    "issues": "id sender subject first_received_at last_received_at newsletters variants",
    "links": "newsletter_id position text action url host role rule",
    "newsletter_providers": "newsletter_id position provider layer status account",
    "newsletters": _NEWSLETTERS,
    "providers": "slug name layer category",
    "removed": "newsletter_id position what rule chars",
    "senders": "slug name party country locality office kind website",
    "tracker_counts": "kind host newsletters trackers",
    "trackers": "newsletter_id position kind host rule",
    "value_counts": "name value newsletters",
}


def test_of_every_column_somebody_has_decided_whether_it_is_public(filled: Home) -> None:
    """A table or a column that nobody thought of does not slip out."""
    copy = published(filled)
    tables = rows(
        copy,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%fts%' "
        "AND name NOT LIKE 'sqlite%'",
    )
    found = {
        (table, column)
        for (table,) in tables
        for (column,) in rows(copy, f"SELECT name FROM pragma_table_info('{table}')")  # noqa: S608
    }
    decided = {(table, column) for table, columns in _PUBLIC.items() for column in columns.split()}
    assert found - decided == set()
