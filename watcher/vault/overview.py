"""What a person asks about the vault: what waits, what failed and why, what was left out."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.vault.room import Room, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_IDS = 10
"""Ids that are named of each kind of failure; the others are counted."""

_PLACES = "SELECT id, inbox, folder FROM mailboxes"


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is not in the archive of one folder: not yet, or never."""

    pending: int = 0  # in the vault, not derived
    owed: int = 0  # the server did not hand them over so far
    skipped: int = 0  # left out for good


@dataclass(frozen=True, slots=True)
class Failure:
    """Messages that became failed records for one reason; `ids` are the first of them."""

    reason: str
    count: int
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """A mail that was left out for good. `uid` is that of the folder."""

    inbox: str
    folder: str
    uid: int
    reason: str
    at: datetime


class Overview(Room):
    """The vault as a whole, in questions whose cost grows with the answer and not with the vault."""

    def backlogs(self) -> dict[tuple[str, str], Backlog]:
        """What each (inbox, folder) lacks; folders that lack nothing are left out."""
        pending = self._by_folder(
            "SELECT d.mailbox, count(DISTINCT d.message) FROM derivations v "
            "CROSS JOIN deliveries d ON d.message = v.message WHERE v.state = 'pending' GROUP BY d.mailbox"
        )
        owed = self._by_folder(
            "SELECT mailbox, count(*) FROM fetch_failures WHERE attempts > 0 GROUP BY mailbox"
        )
        skipped = self._by_folder(
            "SELECT mailbox, count(*) FROM deliveries WHERE message IS NULL GROUP BY mailbox"
        )
        return {
            place: Backlog(pending[place], owed[place], skipped[place])
            for place in sorted({*pending, *owed, *skipped})
        }

    def _by_folder(self, counts: str) -> Counter[tuple[str, str]]:
        places = {number: (inbox, folder) for number, inbox, folder in self._db.rows(_PLACES)}
        return Counter({places[mailbox]: count for mailbox, count in self._db.rows(counts)})

    def failures(self) -> list[Failure]:
        """Return the failed messages by reason, the most frequent first."""
        by_reason: dict[str, list[int]] = {}
        for number, reason in self._db.rows(
            "SELECT message, error FROM derivations WHERE state = 'failed' ORDER BY message"
        ):
            by_reason.setdefault(reason, []).append(number)
        found = [Failure(reason, len(ids), tuple(ids[:_IDS])) for reason, ids in by_reason.items()]
        return sorted(found, key=lambda each: (-each.count, each.reason))

    def skips(self, limit: int) -> list[Skip]:
        """Return the mails that were left out last, the newest first."""
        rows = self._db.rows(
            "SELECT m.inbox, m.folder, d.uid, d.skipped, d.arrived_at "
            "FROM deliveries d JOIN mailboxes m ON m.id = d.mailbox "
            "WHERE d.message IS NULL ORDER BY d.id DESC LIMIT ?",
            (limit,),
        )
        return [Skip(inbox, folder, uid, reason, moment_of(at)) for inbox, folder, uid, reason, at in rows]

    def message_sizes(self, ids: Iterable[int]) -> dict[int, int]:
        """Bytes of these messages as they came, by id; unknown ids are left out."""
        rows = self._db.rows(
            "SELECT id, size FROM messages WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return dict(rows)

    def newest_at(self) -> datetime | None:
        """When the newest message was stored; None in an empty vault."""
        row = self._db.row("SELECT stored_at FROM messages ORDER BY id DESC LIMIT 1")
        return moment_of(row[0]) if row else None
