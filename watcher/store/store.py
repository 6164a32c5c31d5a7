"""The store as a whole: opening, writing records, and keeping house. One process writes at a time."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from watcher.record import Status
from watcher.sqlite import Database
from watcher.sqlite_errors import Format
from watcher.sqlite_file import SqliteFile
from watcher.store import counts, issues
from watcher.store.attribution import Attributed, Stranger, Tally, attributed, strangers, tallies
from watcher.store.difference import Difference, differences
from watcher.store.errors import StoreError
from watcher.store.rhythm import Quiet, quiet_senders
from watcher.store.rows import batches
from watcher.store.unicode import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from watcher.record import ProviderEntry, Record, Sender

VERSION = 6
"""How many migrations `watcher.store.schema` has."""

FORMAT = Format(
    name="store",
    application_id=0x4E575300,  # "NWS\0"
    version=VERSION,
    migrations="watcher.store.schema",
    synchronous="NORMAL",
    mode=0o660,
    private=False,
    error=StoreError,
    damaged="nothing is lost: move the file away and run `watcher rebuild`",
)

_MERGED_PAGES = 2_000  # of the full-text index, merged at most in one housekeeping


class Store(SqliteFile):
    """An open newsletters.db. A context manager, for one thread."""

    @classmethod
    def open(cls, path: Path, *, create: bool = True, patience: float = 60.0) -> Self:
        """Open the store, made when it is missing and `create` allows it.

        The new file is readable and writable for owner and group, as far as the umask allows. `patience`:
        seconds that any later call may wait for another writer. Raises `StoreError` when it cannot be read
        and written.
        """
        return cls(Database.open(Path(path), FORMAT, create=create, patience=patience))

    @classmethod
    def look(cls, path: Path) -> Self:
        """Open the store for reading alone, on a full disk too. Raises `StoreError`."""
        return cls(Database.look(Path(path), FORMAT))

    def write(self, rows: Iterable[tuple[int, Record]]) -> None:
        """Write these records, in one transaction; a record of an id that is there already replaces it.

        A refused record has no row: one that is there goes.
        """
        records = list({number: (number, record) for number, record in rows}.values())
        refused = [number for number, record in records if record.status is Status.REFUSED]
        if refused:
            self.delete(refused)
            records = [row for row in records if row[1].status is not Status.REFUSED]
        try:
            self._write(records)
        except UnicodeEncodeError:  # a lone surrogate somewhere: no text of SQLite's can hold it
            self._write([(number, storable(record)) for number, record in records])

    def _write(self, records: Sequence[tuple[int, Record]]) -> None:
        with self._db.transaction():
            before = issues.copies(self._db, (number for number, _ in records))
            self._remove(number for number, _ in records)
            self._introduce(records)
            for table, rows in batches(records):
                self._db.execute_many(table.insert, rows)
            counts.add(self._db, (number for number, _ in records))
            issues.regroup(
                self._db, before, {number: issues.wording_of(record) for number, record in records}
            )

    def differences(self, rows: Sequence[tuple[int, Record]]) -> list[Difference]:
        """Return what `write` would change of each of these, in their order; nothing is written."""
        return differences(self._db, rows)

    def delete(self, ids: Iterable[int]) -> None:
        """Delete these newsletters with all that belongs to them; unknown ids are ignored."""
        numbers = list(ids)
        with self._db.transaction():
            before = issues.copies(self._db, numbers)
            self._remove(numbers)
            issues.regroup(self._db, before, {})

    def _remove(self, ids: Iterable[int]) -> None:
        there = self._db.rows(
            "SELECT id FROM newsletters WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        if not there:
            return
        counts.subtract(self._db, (number for (number,) in there))
        # The index has no copy of the text: to take a row out it must be told what was put in.
        self._db.execute_many(
            "INSERT INTO newsletters_fts (newsletters_fts, rowid, subject, from_name, text) "
            "SELECT 'delete', id, subject, from_name, text FROM newsletters_searched WHERE id = ?",
            there,
        )
        self._db.execute_many("DELETE FROM newsletters WHERE id = ?", there)

    def _introduce(self, records: Sequence[tuple[int, Record]]) -> None:
        """Enter senders and providers that a record names and nobody registered: a fact must not be lost."""
        providers = {each.slug: each for _, record in records for each in record.providers}
        senders = {record.sender.slug for _, record in records if record.sender}
        self._db.execute_many(
            "INSERT OR IGNORE INTO providers VALUES (?, ?, ?, '')",
            [(slug, each.name, each.layer.value) for slug, each in sorted(providers.items())],
        )
        self._db.execute_many(
            "INSERT OR IGNORE INTO senders VALUES (?1, ?1, '', '', '', '', '', '')",
            [(slug,) for slug in sorted(senders)],
        )

    def write_senders(self, senders: Iterable[Sender]) -> None:
        """Make the register of senders these; one that is gone stays while newsletters name it."""
        with self._db.transaction():
            self._write_senders(list(senders))

    def attribute(self, changes: Iterable[tuple[int, str, str, bool]], senders: Iterable[Sender]) -> None:
        """Give newsletters other senders: (id, slug or empty, reason, whether nobody vouches for it) of each.

        And the register becomes this.

        All in one transaction: a reader sees the old senders or the new ones. Nothing else of a row changes.
        """
        register, changed = list(senders), list(changes)
        ids = [number for number, *_ in changed]
        with self._db.transaction():
            self._write_senders(register)
            counts.subtract(self._db, ids, senders_only=True)
            self._db.execute_many(
                "UPDATE newsletters SET sender = nullif(?2, ''), sender_reason = ?3, "
                "sender_unauthenticated = ?4 WHERE id = ?1",
                changed,
            )
            counts.add(self._db, ids, senders_only=True)
            issues.refresh(self._db, ids)
            self._forget("senders", (each.slug for each in register))

    def _write_senders(self, senders: Sequence[Sender]) -> None:
        self._forget("senders", (each.slug for each in senders))
        self._db.execute_many(
            "INSERT INTO senders VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (slug) DO UPDATE SET "
            "name = excluded.name, party = excluded.party, country = excluded.country, "
            "locality = excluded.locality, office = excluded.office, kind = excluded.kind, "
            "website = excluded.website",
            [
                (
                    each.slug,
                    each.name,
                    each.party,
                    each.country,
                    each.locality,
                    each.office,
                    each.kind,
                    each.website,
                )
                for each in senders
            ],
        )

    def attributed(self, after: int = 0, limit: int = -1, *, accounts: bool = False) -> list[Attributed]:
        """Return what a registry can tell the senders by: rows above the id `after`, at most `limit`."""
        return attributed(self._db, after, limit, accounts=accounts)

    def strangers(self) -> list[Stranger]:
        """Return the newsletters that nobody registered, grouped, the most frequent first."""
        return strangers(self._db)

    def tallies(self) -> dict[str, Tally]:
        """Count the newsletters of each sender, by slug."""
        return tallies(self._db)

    def write_providers(self, entries: Iterable[ProviderEntry]) -> None:
        """Make the register of providers these; one that is gone stays while newsletters name it.

        A slug that occurs in several layers is entered once, under the first.
        """
        rows = {
            each.slug: (each.slug, each.name, each.layer.value, each.category)
            for each in reversed([*entries])
        }
        with self._db.transaction():
            self._forget("providers", rows)
            self._db.execute_many(
                "INSERT INTO providers VALUES (?, ?, ?, ?) ON CONFLICT (slug) DO UPDATE SET "
                "name = excluded.name, layer = excluded.layer, category = excluded.category",
                reversed(rows.values()),
            )

    def _forget(self, table: str, keep: Iterable[str]) -> None:
        used = {
            "senders": "SELECT sender FROM newsletters WHERE sender IS NOT NULL",
            "providers": "SELECT provider FROM newsletter_providers",
        }[table]
        self._db.execute(
            f"DELETE FROM {table} WHERE slug NOT IN (SELECT value FROM json_each(?)) "  # noqa: S608  # constants
            f"AND slug NOT IN ({used})",
            (json.dumps(list(keep)),),
        )

    def ids(self, where: str = "") -> set[int]:
        """Return the ids of all newsletters, or of those for which the SQL condition `where` holds.

        Raises `StoreError`, with SQLite's own words, when the condition is not understood.
        """
        if not where:
            return {number for (number,) in self._db.rows("SELECT id FROM newsletters")}
        self._db.execute("PRAGMA query_only = ON")  # the condition is the user's own SQL
        try:
            rows = self._db.rows(f"SELECT id FROM newsletters WHERE {where}")  # noqa: S608  # what it is for
        finally:
            self._db.execute("PRAGMA query_only = OFF")
        return {number for (number,) in rows}

    def ids_between(self, first: int, last: int) -> str:
        """Return the ids from `first` to `last`, as `1,2,3`: quicker to compare than a set."""
        # Every row has one of these: naming them makes an index do, where the rows would be read.
        return str(
            self._db.one(
                "SELECT coalesce(group_concat(id), '') FROM (SELECT id FROM newsletters "
                "WHERE status IN ('done', 'failed') AND id BETWEEN ? AND ? ORDER BY id)",
                (first, last),
            )
        )

    def confirmations(self, since: str) -> list[tuple[int, str, str]]:
        """Return id, sender and time of the confirmation mails that arrived since then, the newest first."""
        return self._db.rows(
            "SELECT id, iif(from_name <> '', from_name, from_domain), received_at FROM newsletters "
            "WHERE kind = 'confirmation' AND received_at >= ? ORDER BY received_at DESC, id DESC",
            (since,),
        )

    def quiet_senders(self, now: datetime) -> list[Quiet]:
        """Return the senders from whom nothing came for three times their usual gap."""
        return quiet_senders(self._db, now)

    def count(self) -> int:
        """Return how many newsletters there are."""
        return int(self._db.one("SELECT count(*) FROM newsletters"))

    def keep_house(self) -> None:
        """Merge a part of the full-text index, refresh the planner's statistics, empty the -wal file."""
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO newsletters_fts (newsletters_fts, rank) VALUES ('merge', ?)", (_MERGED_PAGES,)
            )
        self._db.tidy()

    def close(self) -> None:
        """Refresh stale statistics and close; the last one to close folds the -wal file into the file."""
        try:
            # Statistics are a help: a disk that is full or read-only must not turn a good end into a bad one.
            with suppress(StoreError):
                self._db.optimize()
        finally:
            super().close()
