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
