"""The schema of vault.db, as migrations in the order in which they are applied.

A migration that has been released is never changed: a new one is added at the end, and `VERSION` in
`watcher.vault.vault` counts them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

migrations = Migrations("watcher.vault")


@migrations()
def m001_first(db: Database) -> None:
    """Lay out the tables as DESIGN.md names them. Times are UTC, ISO 8601, ending in `Z`."""
    for statement in _FIRST:
        db.execute(statement)


@migrations()
def m002_dkim(db: Database) -> None:
    """Room for the public keys that prove mail, and for what its signatures are worth."""
    for statement in _DKIM:
        db.execute(statement)


@migrations()
def m003_refused(db: Database) -> None:
    """Let a message be refused: a table's CHECK can only be changed by making the table anew."""
    for statement in _REFUSED:
        db.execute(statement)


_REFUSED = (
    """
    CREATE TABLE derivations_new (
        message INTEGER PRIMARY KEY REFERENCES messages (id),
        state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'failed', 'refused')),
        pipeline_version TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    "INSERT INTO derivations_new SELECT message, state, pipeline_version, attempts, error FROM derivations",
    "DROP TABLE derivations",
    "ALTER TABLE derivations_new RENAME TO derivations",
    *(
        f"CREATE INDEX derivations_{state} ON derivations (message) WHERE state = '{state}'"
        for state in ("pending", "failed", "refused")
    ),
)

_FIRST = (
    """
    CREATE TABLE mailboxes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        inbox TEXT NOT NULL,
        folder TEXT NOT NULL,
        uidvalidity INTEGER,                    -- null until the folder was listed
        last_uid INTEGER NOT NULL DEFAULT 0,    -- every UID up to this one is settled
        last_ok_at TEXT,
        last_error TEXT NOT NULL DEFAULT '',    -- empty after a success
        last_error_at TEXT,
        UNIQUE (inbox, folder)
    ) STRICT
    """,
    """
    CREATE TABLE dictionaries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        dictionary BLOB NOT NULL,               -- zstd; without it the messages that name it cannot be read
        samples INTEGER NOT NULL,
        trained_at TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used twice: newsletters.db has the same ids
        sha256 BLOB NOT NULL UNIQUE,            -- of the exact bytes
        message_id TEXT NOT NULL,               -- the header Message-ID, empty when unknown
        size INTEGER NOT NULL,                  -- bytes before compression
        codec TEXT NOT NULL,
        dictionary INTEGER REFERENCES dictionaries (id),
        raw BLOB NOT NULL,
        stored_at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX messages_message_id ON messages (message_id, size) WHERE message_id <> ''",
    """
    CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        mailbox INTEGER NOT NULL REFERENCES mailboxes (id),
        uidvalidity INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        message INTEGER REFERENCES messages (id),
        internal_date TEXT,
        arrived_at TEXT NOT NULL,
        size INTEGER NOT NULL,
        skipped TEXT,                           -- why there is no message
        touched_at TEXT,                        -- when it was marked as seen, or moved
        UNIQUE (mailbox, uidvalidity, uid),
        CHECK ((message IS NULL) = (skipped IS NOT NULL))
    ) STRICT
    """,
    "CREATE INDEX deliveries_message ON deliveries (message)",
    "CREATE INDEX deliveries_skipped ON deliveries (mailbox) WHERE message IS NULL",
    """
    CREATE INDEX deliveries_untouched ON deliveries (mailbox, uidvalidity, uid)
    WHERE touched_at IS NULL AND message IS NOT NULL
    """,
    """
    CREATE TABLE fetch_failures (
        mailbox INTEGER NOT NULL REFERENCES mailboxes (id),
        uidvalidity INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        reason TEXT NOT NULL,
        last_at TEXT NOT NULL,
        PRIMARY KEY (mailbox, uidvalidity, uid)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE derivations (
        message INTEGER PRIMARY KEY REFERENCES messages (id),
        state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'failed')),
        pipeline_version TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    "CREATE INDEX derivations_pending ON derivations (message) WHERE state = 'pending'",
    "CREATE INDEX derivations_failed ON derivations (message) WHERE state = 'failed'",
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        inbox TEXT NOT NULL,
        trigger TEXT NOT NULL,                  -- poll, push or import
        started TEXT NOT NULL,
        finished TEXT,                          -- null while it runs, and for ever after a crash
        seen INTEGER NOT NULL DEFAULT 0,
        stored INTEGER NOT NULL DEFAULT 0,
        duplicate INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    "CREATE INDEX runs_started ON runs (started)",
)

_DKIM = (
    """
    CREATE TABLE dkim_keys (
        domain TEXT NOT NULL,
        selector TEXT NOT NULL,
        record TEXT NOT NULL,                   -- TXT of selector._domainkey.domain, as DNS had it
        looked_up_at TEXT NOT NULL,             -- seen first
        confirmed_at TEXT NOT NULL,             -- seen last
        PRIMARY KEY (domain, selector, record)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE dkim_lookups (
        domain TEXT NOT NULL,
        selector TEXT NOT NULL,
        due_at TEXT,                            -- when to ask; null: there is nothing to ask
        asked_at TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,    -- since it became due
        problem TEXT NOT NULL DEFAULT '',       -- why the last one brought no key
        PRIMARY KEY (domain, selector)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX dkim_lookups_due ON dkim_lookups (due_at) WHERE due_at IS NOT NULL",
    """
    CREATE TABLE dkim_results (
        message INTEGER NOT NULL REFERENCES messages (id),
        number INTEGER NOT NULL,                -- of the signature, from the top of the mail
        domain TEXT NOT NULL,
        selector TEXT NOT NULL,
        result TEXT NOT NULL CHECK (result IN ('pending', 'pass', 'fail', 'no key')),
        reason TEXT NOT NULL DEFAULT '',
        checked_at TEXT,                        -- null while it is pending, or cannot be checked at all
        PRIMARY KEY (message, number)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX dkim_results_pending ON dkim_results (domain, selector) WHERE result = 'pending'",
    """
    CREATE TABLE dkim_cursors (
        inbox TEXT PRIMARY KEY,
        delivery INTEGER NOT NULL               -- the signatures of every delivery up to this one are noted
    ) STRICT, WITHOUT ROWID
    """,
)
