"""The schema of newsletters.db, as migrations in the order in which they are applied.

The main table is narrow, so that a page of rows stays small; texts and lists have tables of their own. Every
column that is faceted, filtered or sorted on has an index, because Datasette drops a facet that takes longer
than 200 ms without a word. Text keys for senders and providers let a row be read without a join.

A migration that has been released is never changed: a new one is added at the end, and `VERSION` in
`watcher.store.store` counts them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlite_utils import Migrations

from watcher.store import counts, issues
from watcher.store.record_page import RECORD_PAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_utils import Database

migrations = Migrations("watcher.store")


@migrations()
def m001_first(db: Database) -> None:
    """Lay out the tables, the full-text index and the view. Times are UTC, ISO 8601, ending in `Z`."""
    for statement in (*_TABLES, *_INDEXES, *_FULL_TEXT, RECORD_PAGE):
        db.execute(statement)


@migrations()
def m002_reasons_and_results(db: Database) -> None:
    """Keep why a mail is of its kind, and what our receiver's checks found (RFC 8601)."""
    for statement in _REASONS_AND_RESULTS:
        db.execute(statement)


@migrations()
def m003_counts(db: Database) -> None:
    """Count newsletters as they are written, and find mail that was known by its alias alone."""
    counts.create(db.execute)
    for statement in _AFTER_COUNTING:
        db.execute(statement)


@migrations()
def m004_attachments(db: Database) -> None:
    """Keep what attachments are by their bytes, and search in the text of those that are to be searched."""
    for statement in _ATTACHMENTS:
        db.execute(statement)


@migrations()
def m005_issues(db: Database) -> None:
    """Group newsletters that are one mailing, those that are there already too."""
    issues.create(_Migrated(db))


@migrations()
def m006_unauthenticated(db: Database) -> None:
    """Keep whether anybody vouches for a mail's sender; `rebuild` says so of the rows that are there."""
    db.execute("ALTER TABLE newsletters ADD COLUMN sender_unauthenticated INTEGER NOT NULL DEFAULT 0")


_ATTACHMENTS = (
    "ALTER TABLE attachments ADD COLUMN detected TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE attachments ADD COLUMN text TEXT NOT NULL DEFAULT ''",
    "DROP VIEW newsletters_searched",
    """
    CREATE VIEW newsletters_searched AS
    SELECT n.id, n.subject, n.from_name, b.text || coalesce((
        SELECT group_concat(char(10) || text, '')
        FROM (SELECT text FROM attachments WHERE newsletter_id = n.id AND text <> '' ORDER BY position)
    ), '') AS text
    FROM newsletters n JOIN bodies b ON b.newsletter_id = n.id
    """,
)


class _Migrated:
    """The database that is migrated, as `watcher.store.issues` works on it."""

    def __init__(self, db: Database) -> None:
        self._connection = db.conn
        self.execute = self._connection.execute
        self.execute_many = self._connection.executemany

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self._connection.execute(sql, parameters).fetchall()


_REASONS_AND_RESULTS = (
    "ALTER TABLE newsletters ADD COLUMN kind_reason TEXT NOT NULL DEFAULT ''",
    """
    CREATE TABLE authentication (
        newsletter_id INTEGER NOT NULL REFERENCES newsletters (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        method TEXT NOT NULL,
        outcome TEXT NOT NULL,
        domain TEXT NOT NULL,
        PRIMARY KEY (newsletter_id, position)
    )
    """,
    "CREATE INDEX authentication_method ON authentication (method, outcome)",
)

# Facets come from the counts now; an index with the time gives the newest of a value without sorting.
_AFTER_COUNTING = (
    *(f"DROP INDEX newsletters_kind_{name}" for name in ("sender", "platform", "month", "language")),
    *(
        statement
        for name in ("platform", "language", "inbox", "from_domain")
        for statement in (
            f"DROP INDEX newsletters_{name}",
            f"CREATE INDEX newsletters_{name} ON newsletters ({name}, received_at)",
        )
    ),
    "CREATE INDEX newsletters_alias ON newsletters (sender, from_domain) WHERE sender_reason = 'alias'",
)

_TABLES = (
    """
    CREATE TABLE senders (
        slug TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        party TEXT NOT NULL,
        country TEXT NOT NULL,
        locality TEXT NOT NULL,
        office TEXT NOT NULL,
        kind TEXT NOT NULL,
        website TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE providers (
        slug TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        layer TEXT NOT NULL,
        category TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE newsletters (
        id INTEGER PRIMARY KEY,
        subject TEXT NOT NULL,
        sender TEXT REFERENCES senders (slug),
        from_name TEXT NOT NULL,
        from_address TEXT NOT NULL,
        from_domain TEXT NOT NULL,
        platform TEXT REFERENCES providers (slug),
        delivery TEXT REFERENCES providers (slug),
        sent_at TEXT,
        received_at TEXT NOT NULL,
        month TEXT NOT NULL,
        excerpt TEXT NOT NULL,
        words INTEGER NOT NULL,
        reading_minutes INTEGER NOT NULL,
        links INTEGER NOT NULL,
        trackers INTEGER NOT NULL,
        attachments INTEGER NOT NULL,
        list_id TEXT NOT NULL,
        campaign_id TEXT NOT NULL,
        language TEXT NOT NULL,
        kind TEXT NOT NULL,
        inbox TEXT NOT NULL,
        status TEXT NOT NULL,
        warnings TEXT NOT NULL,
        pipeline_version TEXT NOT NULL,
        sender_reason TEXT NOT NULL,
        redactions INTEGER NOT NULL,
        original_from TEXT NOT NULL,
        list_unsubscribe TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE bodies (
        newsletter_id INTEGER PRIMARY KEY REFERENCES newsletters (id) ON DELETE CASCADE,
        text TEXT NOT NULL,
        html TEXT NOT NULL,
        preheader TEXT NOT NULL,
        disclaimer TEXT NOT NULL,
        plain TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE newsletter_providers (
        newsletter_id INTEGER NOT NULL REFERENCES newsletters (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        provider TEXT NOT NULL REFERENCES providers (slug),
        layer TEXT NOT NULL,
        status TEXT NOT NULL,
        account TEXT NOT NULL,
        PRIMARY KEY (newsletter_id, position)
    )
    """,
    """
    CREATE TABLE evidence (
        newsletter_id INTEGER NOT NULL REFERENCES newsletters (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        provider TEXT NOT NULL REFERENCES providers (slug),
        layer TEXT NOT NULL,
        signal TEXT NOT NULL,
        header TEXT NOT NULL,
        value TEXT NOT NULL,
        rule TEXT NOT NULL,
        strength TEXT NOT NULL,
        trust TEXT NOT NULL,
        PRIMARY KEY (newsletter_id, position)
    )
    """,
    """
    CREATE TABLE links (
        newsletter_id INTEGER NOT NULL REFERENCES newsletters (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        text TEXT NOT NULL,
        action TEXT NOT NULL,
        url TEXT,
        host TEXT NOT NULL,
        role TEXT NOT NULL,
        rule TEXT NOT NULL,
        PRIMARY KEY (newsletter_id, position)
    )
    """,
    """
    CREATE TABLE trackers (
        newsletter_id INTEGER NOT NULL REFERENCES newsletters (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        kind TEXT NOT NULL,
        host TEXT NOT NULL,
        rule TEXT NOT NULL,
        PRIMARY KEY (newsletter_id, position)
    )
    """,
    """
    CREATE TABLE removed (
        newsletter_id INTEGER NOT NULL REFERENCES newsletters (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        what TEXT NOT NULL,
        rule TEXT NOT NULL,
        chars INTEGER NOT NULL,
        PRIMARY KEY (newsletter_id, position)
    )
    """,
    """
    CREATE TABLE attachments (
        newsletter_id INTEGER NOT NULL REFERENCES newsletters (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        media_type TEXT NOT NULL,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        inline INTEGER NOT NULL,
        PRIMARY KEY (newsletter_id, position)
    )
    """,
)

# Two columns where a list is narrowed by the first and sorted by the second; the id is the last of every
# index.
_INDEXES = tuple(
    f"CREATE INDEX {table}_{name} ON {table} ({columns})"
    for table, name, columns in (
        ("newsletters", "received_at", "received_at"),
        ("newsletters", "kind", "kind, received_at"),
        # the facets of the lists, which show newsletters alone
        ("newsletters", "kind_sender", "kind, sender"),
        ("newsletters", "kind_platform", "kind, platform"),
        ("newsletters", "kind_month", "kind, month"),
        ("newsletters", "kind_language", "kind, language"),
        ("newsletters", "sender", "sender, received_at"),
        ("newsletters", "from_address", "from_address, received_at"),
        ("newsletters", "from_domain", "from_domain"),
        ("newsletters", "platform", "platform"),
        ("newsletters", "delivery", "delivery"),
        ("newsletters", "month", "month"),
        ("newsletters", "language", "language"),
        ("newsletters", "list_id", "list_id"),
        ("newsletters", "campaign_id", "campaign_id"),
        ("newsletters", "inbox", "inbox"),
        ("newsletters", "status", "status"),
        ("newsletter_providers", "provider", "provider, layer"),
        ("evidence", "provider", "provider"),
        ("links", "host", "host, action"),
        ("trackers", "host", "host"),
        ("attachments", "sha256", "sha256"),
    )
)

# The index keeps no copy of the text: it reads what it needs for snippet(), highlight() and `rebuild` from
# a view that has exactly its columns. Datasette and sqlite-utils find the index of a table by the text
# content="newsletters" in its declaration, with double quotes, and take it from the comment just as well.
_FULL_TEXT = (
    """
    CREATE VIEW newsletters_searched AS
    SELECT n.id, n.subject, n.from_name, b.text
    FROM newsletters n JOIN bodies b ON b.newsletter_id = n.id
    """,
    """
    CREATE VIRTUAL TABLE newsletters_fts USING fts5(
        subject, from_name, text, -- content="newsletters"
        content='newsletters_searched', content_rowid='id',
        tokenize='porter unicode61 remove_diacritics 2'
    )
    """,
)
