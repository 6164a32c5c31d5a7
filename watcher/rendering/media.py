"""media.db: pictures of mails and, where the owner wants them, pictures that were in them.

Publishable like the store beside it. The pictures of mails can be deleted and made again at any time;
pictures that were fetched from senders cannot, once a sender has taken them away. So it is copied with the
other two.
"""

from __future__ import annotations

import hashlib
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Self

from watcher.clock import utc_now
from watcher.rendering.model import FORMAT, VERSION, source_of
from watcher.sqlite import Database
from watcher.sqlite_errors import DatabaseError, Format
from watcher.sqlite_file import SqliteFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from watcher.rendering.model import Shot

SCHEMA_VERSION = 2
"""How many migrations `watcher.rendering.schema` has."""

APPLICATION_ID = 0x4E574D00  # "NWM\0"
_PICTURES = ("screenshots", "thumbnails", "images")  # tables with `content` and its `sha256`


class MediaError(DatabaseError):
    """media.db cannot be used; the message says what to do."""


_FORMAT = Format(
    name="media file",
    application_id=APPLICATION_ID,
    version=SCHEMA_VERSION,
    migrations="watcher.rendering.schema",
    synchronous="NORMAL",
    mode=0o660,
    private=False,
    error=MediaError,
    damaged="delete it and run `watcher screenshots`: the pictures of mails are made again",
)


class Media(SqliteFile):
    """An open media.db. A context manager, for one thread; any number of them may be open at once."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        super().__init__(database)
        self._now = now

    @classmethod
    def open(cls, path: Path, *, now: Callable[[], datetime] = utc_now, patience: float = 60.0) -> Self:
        """Open the file, making it when it is missing. Raises `MediaError`."""
        return cls(Database.open(Path(path), _FORMAT, create=True, patience=patience), now)

    @classmethod
    def look(cls, path: Path) -> Self:
        """Open the file for reading alone, to copy or to check it, be it of an older version.

        Raises `MediaError`.
        """
        return cls(Database.look(Path(path), _FORMAT, older=True), utc_now)

    def settled(self, *, version: str = VERSION) -> set[int]:
        """The mails whose outcome is of this way of drawing."""
        return {
            number
            for (number,) in self._db.rows("SELECT newsletter_id FROM shots WHERE version = ?", (version,))
        }

    def failed(self) -> set[int]:
        """The mails that have a reason in place of pictures."""
        rows = self._db.rows("SELECT newsletter_id FROM shots WHERE reason <> ''")
        return {number for (number,) in rows}

    def reasons(self) -> list[tuple[str, int]]:
        """Why mails have no pictures, and how many; the most frequent reason first."""
        return self._db.rows(
            "SELECT reason, count(*) FROM shots WHERE reason <> '' "
            "GROUP BY reason ORDER BY count(*) DESC, reason"
        )

    def keep(self, newsletter_id: int, shot: Shot) -> None:
        """Put down what became of a mail, in place of what was known before."""
        with self._db.transaction():
            for table in ("screenshots", "thumbnails"):
                self._db.execute(f"DELETE FROM {table} WHERE newsletter_id = ?", (newsletter_id,))  # noqa: S608
            self._db.execute(
                "INSERT OR REPLACE INTO shots (newsletter_id, version, reason, rendered_at) "
                "VALUES (?, ?, ?, ?)",
                (newsletter_id, VERSION, shot.reason, self._moment()),
            )
            self._db.execute_many(
                "INSERT INTO screenshots (newsletter_id, width, height, cut, format, bytes, sha256, content) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        newsletter_id,
                        each.width,
                        each.height,
                        int(each.cut),
                        FORMAT,
                        len(each.content),
                        hashlib.sha256(each.content).hexdigest(),
                        each.content,
                    )
                    for each in shot.pictures
                ),
            )
            if (small := shot.thumbnail) is not None:
                digest = hashlib.sha256(small.content).hexdigest()
                self._db.execute(
                    "INSERT INTO thumbnails (newsletter_id, width, height, format, sha256, content) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    (newsletter_id, small.width, small.height, FORMAT, digest, small.content),
                )

    def has_fetched(self, newsletter_id: int) -> bool:
        """Whether the images of a mail were asked for."""
        return self._db.row("SELECT 1 FROM fetched WHERE newsletter_id = ?", (newsletter_id,)) is not None

    def keep_images(
        self, newsletter_id: int, images: Mapping[str, tuple[str, bytes]], refusals: Mapping[str, str]
    ) -> None:
        """Put down what became of a mail's images: media type and content, or the refusal, by URL.

        The mail is to be drawn again, with them.
        """
        with self._db.transaction():
            for url, (media_type, content) in images.items():
                digest = hashlib.sha256(content).hexdigest()
                self._db.execute(
                    "INSERT OR IGNORE INTO images (sha256, media_type, bytes, content) VALUES (?, ?, ?, ?)",
                    (digest, media_type, len(content), content),
                )
                self._note(newsletter_id, url, digest, "")
            for url, refusal in refusals.items():
                self._note(newsletter_id, url, None, refusal)
            self._db.execute(
                "INSERT OR REPLACE INTO fetched (newsletter_id, fetched_at) VALUES (?, ?)",
                (newsletter_id, self._moment()),
            )
            if images:
                self._db.execute("UPDATE shots SET version = '' WHERE newsletter_id = ?", (newsletter_id,))

    def _note(self, newsletter_id: int, url: str, image: str | None, refusal: str) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO fetches (newsletter_id, source, image, refusal) VALUES (?, ?, ?, ?)",
            (newsletter_id, source_of(url), image, refusal),
        )

    def images(self, newsletter_id: int) -> dict[str, bytes]:
        """The images that were fetched for a mail, by `source_of` their URL."""
        return dict(
            self._db.rows(
                "SELECT f.source, i.content FROM fetches f JOIN images i ON i.sha256 = f.image "
                "WHERE f.newsletter_id = ?",
                (newsletter_id,),
            )
        )

    def ids(self) -> set[int]:
        """The mails that it holds anything of."""
        rows = self._db.rows("SELECT newsletter_id FROM shots UNION SELECT newsletter_id FROM fetched")
        return {number for (number,) in rows}

    def pictures(self) -> list[tuple[str, int]]:
        """Where each picture lies, drawn or fetched: what `is_whole` is asked with."""
        there = {name for (name,) in self._db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return [
            (table, row)
            for table in _PICTURES
            if table in there  # in a file of an older version not all of them are
            for (row,) in self._db.rows(f"SELECT rowid FROM {table} ORDER BY rowid")  # noqa: S608  # a constant
        ]

    def is_whole(self, picture: tuple[str, int]) -> bool:
        """Whether the bytes of one of `pictures` are those that were put there. Raises `MediaError`."""
        table, row = picture
        sql = f"SELECT sha256, content FROM {table} WHERE rowid = ?"  # noqa: S608  # one of three constants
        digest, content = self._db.rows(sql, (row,))[0]
        return bool(hashlib.sha256(content).hexdigest() == digest)

    def _moment(self) -> str:
        return self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
