"""The store as everybody may have it: a copy without what is the owner's own affair.

What goes, and why:

- `inbox`: a name that the owner gave, often after himself.
- The seconds of `received_at` and `sent_at`. Who sent a newsletter has a log of when each reader's copy was
  handed over; to the second it says which of them keeps the archive. The archive page shows minutes as well.
- Relays, with their evidence: who forwards the owner's mail. Platforms and delivery services are the sender's
  and stay, with the marks they were recognised by.
- `authentication`: what the owner's mail server found; what follows from it is the status of each provider.
- The sha256 of attachments: of a file that was made for one reader it is a name.
- Senders without a newsletter in the copy: whom the owner waits for.
- All that is no newsletter, unless it is asked for: confirmations, personal mail, what could not be read.

Sums, statistics and the full-text index are made anew, for they hold what was deleted.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.sqlite import Database
from watcher.store import counts, issues
from watcher.store.store import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_NO_NEWSLETTER = "DELETE FROM newsletters WHERE kind <> 'newsletter' OR status <> 'done'"
_REDUCTIONS = (
    """
    UPDATE newsletters SET inbox = '', received_at = substr(received_at, 1, 16) || ':00Z',
        sent_at = substr(sent_at, 1, 16) || ':00Z'
    """,
    "DELETE FROM newsletter_providers WHERE layer = 'relay'",
    "DELETE FROM evidence WHERE layer = 'relay'",
    "DELETE FROM authentication",
    "UPDATE attachments SET sha256 = ''",
    """
    UPDATE issues SET first_received_at = substr(first_received_at, 1, 16) || ':00Z',
        last_received_at = substr(last_received_at, 1, 16) || ':00Z'
    """,
    *(f"DELETE FROM {table}" for table in issues.INTERNAL),  # noqa: S608  # constants
    "DELETE FROM senders WHERE slug NOT IN (SELECT sender FROM newsletters WHERE sender IS NOT NULL)",
)
_TABLES = """
    SELECT name FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '%\\_fts%' ESCAPE '\\'
    ORDER BY name
"""


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a row. `row` says where it is without any text of the row's own."""

    table: str
    row: str
    column: str
    value: str
    newsletter: int | None  # whose row it is, if it is one's


def reduce(path: Path, *, everything: bool = False) -> Mapping[int, str]:
    """Take what is private out of a copy of the store; `everything` keeps what is no newsletter.

    Returns the inbox of each newsletter that is left, which the copy no longer says. Raises `StoreError`.
    """
    with closing(Database.open(path, FORMAT, create=False, patience=0)) as database:
        with database.transaction():
            if not everything:
                database.execute(_NO_NEWSLETTER)
            inboxes: dict[int, str] = dict(database.rows("SELECT id, inbox FROM newsletters"))
            for statement in _REDUCTIONS:
                database.execute(statement)
            for count in counts.COUNTS:
                database.execute(f"DELETE FROM {count.table}")  # noqa: S608  # constants
                database.execute(count.add(counts.EVERY))
            for order in ("rebuild", "optimize"):
                database.execute("INSERT INTO newsletters_fts (newsletters_fts) VALUES (?)", (order,))
        database.execute("ANALYZE")  # the statistics hold samples of rows
        return inboxes


def texts(path: Path) -> Iterator[Text]:
    """Give every text of every row, the tables in the order of their names. Raises `StoreError`."""
    with closing(Database.look(path, FORMAT)) as database:
        for (table,) in database.rows(_TABLES):
            yield from _texts_of(database, table)


def seal(path: Path, target: Path) -> None:
    """Write a reduced copy to `target`, an empty file, compact and in one piece.

    Nothing deleted is left in it, and it needs no file beside it: its journal mode is not WAL, so that it can
    be read where nothing can be written. Raises `StoreError`.
    """
    with closing(Database.look(path, FORMAT)) as database:
        database.copy_to(target)  # VACUUM INTO: the pages are written anew, in journal mode DELETE


def _texts_of(database: Database, table: str) -> Iterator[Text]:
    columns = [
        (name, key) for _, name, _, _, _, key in database.rows("SELECT * FROM pragma_table_info(?)", (table,))
    ]
    keys = [name for name, key in columns if key]
    plain = set(keys) <= {"id", "newsletter_id", "position"}  # numbers; other keys are texts themselves
    names = [name for name, _ in columns]
    for ordinal, row in enumerate(database.execute(f"SELECT * FROM {table}"), 1):  # noqa: S608  # of the schema
        cells = dict(zip(names, row, strict=True))
        newsletter = cells.get("newsletter_id", cells.get("id")) if plain else None
        where = ", ".join(f"{key} {cells[key]}" for key in keys) if plain and keys else f"row {ordinal}"
        for column, value in cells.items():
            if isinstance(value, bytes):
                yield Text(table, where, column, value.decode("utf-8", "replace"), newsletter)
            elif isinstance(value, str) and value:
                yield Text(table, where, column, value, newsletter)
