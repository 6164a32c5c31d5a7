"""The schema of media.db, as migrations in the order in which they are applied.

A migration that has been released is never changed: a new one is added at the end, and `VERSION` in
`watcher.rendering.media` counts them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

migrations = Migrations("watcher.rendering")


@migrations()
def m001_first(db: Database) -> None:
    """Pictures of mails, and pictures that were in mails. Times are UTC, ISO 8601, ending in `Z`."""
    for statement in _FIRST:
        db.execute(statement)


@migrations()
def m002_thumbnails(db: Database) -> None:
    """Keep a small picture for lists."""
    db.execute(_THUMBNAILS)


_THUMBNAILS = """
    CREATE TABLE thumbnails (
        newsletter_id INTEGER PRIMARY KEY REFERENCES shots (newsletter_id) ON DELETE CASCADE,
        width INTEGER NOT NULL,             -- pixels
        height INTEGER NOT NULL,
        format TEXT NOT NULL,               -- webp
        sha256 TEXT NOT NULL,               -- of the content, for ETag
        content BLOB NOT NULL
    ) STRICT
"""

_FIRST = (
    """
    CREATE TABLE shots (
        newsletter_id INTEGER PRIMARY KEY,  -- as in newsletters.db
        version TEXT NOT NULL,              -- of the way of drawing
        reason TEXT NOT NULL,               -- why there are no pictures; empty when there are
        rendered_at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX shots_reason ON shots (reason) WHERE reason <> ''",
    """
    CREATE TABLE screenshots (
        newsletter_id INTEGER NOT NULL REFERENCES shots (newsletter_id) ON DELETE CASCADE,
        width INTEGER NOT NULL,             -- pixels
        height INTEGER NOT NULL,
        cut INTEGER NOT NULL,               -- the mail goes on below
        format TEXT NOT NULL,               -- webp
        bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,               -- of the content, for ETag
        content BLOB NOT NULL,              -- last: what stands before it is read without it
        PRIMARY KEY (newsletter_id, width)
    ) STRICT
    """,
    """
    CREATE TABLE images (
        sha256 TEXT PRIMARY KEY,            -- of the content
        media_type TEXT NOT NULL,           -- by its bytes
        bytes INTEGER NOT NULL,
        content BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE fetches (
        newsletter_id INTEGER NOT NULL,
        source TEXT NOT NULL,               -- SHA-256 of the URL, which may name the reader
        image TEXT REFERENCES images (sha256),
        refusal TEXT NOT NULL,              -- why it was not fetched or kept; empty when it was
        PRIMARY KEY (newsletter_id, source)
    ) STRICT
    """,
    """
    CREATE TABLE fetched (
        newsletter_id INTEGER PRIMARY KEY,  -- its images were asked for, once and for all
        fetched_at TEXT NOT NULL
    ) STRICT
    """,
)
