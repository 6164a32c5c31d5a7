"""Attachments in the store: what they are by their bytes, and their text in the search."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.records import record
from watcher.record import Attachment
from watcher.store import Store

if TYPE_CHECKING:
    from pathlib import Path

TEXT = Attachment("agenda.ics", "text/calendar", 10, "0" * 64, detected="text/calendar", text="Quince fair")
SECOND = replace(TEXT, name="notes.txt", text="Medlar jelly")
MAIL = replace(record(), text="The words of the mail", attachments=(TEXT, replace(TEXT, text=""), SECOND))


def found(store: Store, words: str) -> list[tuple[int]]:
    return store._db.rows("SELECT rowid FROM newsletters_fts WHERE newsletters_fts MATCH ?", (words,))


def test_text_of_attachments_is_found_until_the_row_goes(store: Store) -> None:
    """It is in the index as the view has it, so that deleting and replacing leave nothing behind."""
    store.write([(1, MAIL)])
    assert [found(store, word) for word in ("quince", "medlar", "words")] == [[(1,)]] * 3
    store._db.execute("INSERT INTO newsletters_fts (newsletters_fts, rank) VALUES ('integrity-check', 1)")
    store.write([(1, replace(MAIL, attachments=()))])
    assert [found(store, word) for word in ("quince", "medlar", "words")] == [[], [], [(1,)]]
    store.delete([1])
    assert found(store, "words") == []


def test_a_store_from_before_gets_the_columns_and_the_view(path: Path) -> None:
    """A migration keeps what is there, and the index can still be told what it holds."""
    with Store.open(path) as store:
        store.write([(1, replace(MAIL, attachments=()))])
        store._db.execute("DROP VIEW newsletters_searched")
        store._db.execute(
            "CREATE VIEW newsletters_searched AS SELECT n.id, n.subject, n.from_name, b.text "
            "FROM newsletters n JOIN bodies b ON b.newsletter_id = n.id"
        )
        for column in ("detected", "text"):
            store._db.execute(f"ALTER TABLE attachments DROP COLUMN {column}")
        store._db.execute("DELETE FROM _sqlite_migrations WHERE name LIKE 'm004%'")
        store._db.execute("PRAGMA user_version = 3")
    with Store.open(path) as store:
        assert found(store, "words") == [(1,)]
        store.write([(1, MAIL)])
        assert found(store, "quince") == [(1,)]
        assert store._db.rows("SELECT DISTINCT detected FROM attachments") == [("text/calendar",)]
