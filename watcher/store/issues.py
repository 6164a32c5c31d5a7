"""Issues: newsletters that are one mailing, received several times or in several variants.

Which newsletters belong together follows from the newsletters alone, never from the order in which they came:

- Each newsletter is a copy of a *wording*: its words, its author's domain, its campaign, and the two days in
  which it was received. Copies of one wording are together.
- Two wordings of one domain, not more than two days apart (or four, where the days are cut so), are
  together when their sketches agree in three places of four; in one of two when the platform gave them one
  campaign id.
- And so are all that are together with the same third one. An issue is what hangs together in this way; its
  id is the smallest id of its newsletters.

So rebuilding in any order, in any batches, gives the same groups, and so does every arrival by itself.

Finding the wordings to compare costs the same at any size: parts of a sketch are keys (LSH, Indyk and
Motwani, 1998), and only wordings that share a key are compared. Where more than `_CROWD` wordings share one
they are together without being compared, so that a mailing of which every copy differs does not cost the
square of its copies. A short text has no sketch: it is together with others of the same words and subject.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from watcher.sketch import agreement
from watcher.store.wording import PERIOD, Wording, stored, wording_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_CROWD = 64  # wordings with one key that are still compared one by one

TABLES: Final = (
    """
    CREATE TABLE issues (
        id INTEGER PRIMARY KEY,                 -- the smallest id of its newsletters
        sender TEXT,                            -- this and the next: of the newsletter that came first
        subject TEXT NOT NULL,
        first_received_at TEXT NOT NULL,
        last_received_at TEXT NOT NULL,
        newsletters INTEGER NOT NULL,
        variants INTEGER NOT NULL               -- different subjects or words
    )
    """,
    "CREATE INDEX issues_sender ON issues (sender, first_received_at)",
    "CREATE INDEX issues_first_received_at ON issues (first_received_at)",
    "ALTER TABLE newsletters ADD COLUMN issue INTEGER REFERENCES issues (id) ON DELETE SET NULL",
    "CREATE INDEX newsletters_issue ON newsletters (issue) WHERE issue IS NOT NULL",
    """
    CREATE TABLE issue_wordings (
        id INTEGER PRIMARY KEY,                 -- period and fingerprint
        issue INTEGER NOT NULL,                 -- the smallest id of all that are together, or its own
        words INTEGER NOT NULL,                 -- fingerprint of the words
        domain TEXT NOT NULL,
        campaign INTEGER NOT NULL,              -- fingerprint of platform, domain and campaign id, or 0
        sketch BLOB NOT NULL                    -- empty for a short text
    )
    """,
    "CREATE INDEX issue_wordings_issue ON issue_wordings (issue)",
    """
    CREATE TABLE issue_copies (
        newsletter_id INTEGER PRIMARY KEY,
        wording INTEGER NOT NULL
    )
    """,
    "CREATE INDEX issue_copies_wording ON issue_copies (wording)",
    """
    CREATE TABLE issue_keys (
        key INTEGER NOT NULL,                   -- period and fingerprint of a part of a sketch
        wording INTEGER NOT NULL,
        PRIMARY KEY (key, wording)
    ) WITHOUT ROWID
    """,
)
__all__ = ["INTERNAL", "Wording", "copies", "create", "refresh", "regroup", "wording_of"]

INTERNAL: Final = ("issue_wordings", "issue_copies", "issue_keys")
"""The tables that only this module needs."""


class Tables(Protocol):
    """An open database, as far as it is needed here."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> object:
        """Run one statement."""

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> object:
        """Run one statement for each row."""


def copies(database: Tables, ids: Iterable[int]) -> dict[int, int]:
    """Return the wordings of these newsletters; what is none, or is not there, is left out."""
    return dict(
        database.rows(
            "SELECT newsletter_id, wording FROM issue_copies "
            "WHERE newsletter_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
    )


def regroup(database: Tables, before: Mapping[int, int], after: Mapping[int, Wording | None]) -> None:
    """Bring the groups up to date after newsletters were written or deleted.

    `before`: their wordings as `copies` gave them; `after`: those that they have now, None for none.
    """
    Grouping(database).change(before, after)


def refresh(database: Tables, ids: Iterable[int]) -> None:
    """Bring the issues of these newsletters up to date after their senders have changed."""
    grouping = Grouping(database)
    grouping.touch(copies(database, ids).values())
    grouping.finish()


class Grouping:
    """One change of the groups."""

    def __init__(self, database: Tables) -> None:
        self._db = database
        self._touched: set[int] = set()  # issues whose row may be another one now
        self._renamed: set[int] = set()  # of these, the ones of which older newsletters may not know the id
        self._arrived: list[int] = []

    def change(self, before: Mapping[int, int], after: Mapping[int, Wording | None]) -> None:
        """Do what `regroup` promises."""
        gone = [
            number for number, old in before.items() if (new := after.get(number)) is None or new.id != old
        ]
        self.touch(before.values())
        again = self._leave(gone, {before[number] for number in gone})
        for wording in sorted(again, key=lambda each: each.id):
            self._enter(wording, self._smallest_copy(wording.id))
        apart = self._issues(each.id for each in again)
        self._touched |= apart
        self._renamed |= self._touched
        arrived = [(number, new) for number, new in sorted(after.items()) if new is not None]
        there = self._existing(new.id for _, new in arrived)
        for number, new in arrived:
            self._arrive(number, new, known=new.id in there)
            there.add(new.id)
        self.finish()

    def touch(self, wordings: Iterable[int]) -> None:
        """Note that the issues of these wordings change."""
        self._touched |= self._issues(wordings)

    def _issues(self, wordings: Iterable[int]) -> set[int]:
        rows = self._db.rows(
            "SELECT DISTINCT issue FROM issue_wordings WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(wordings)),),
        )
        return {issue for (issue,) in rows}

    def _existing(self, wordings: Iterable[int]) -> set[int]:
        rows = self._db.rows(
            "SELECT id FROM issue_wordings WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(wordings)),),
        )
        return {number for (number,) in rows}

    def _leave(self, numbers: Sequence[int], wordings: set[int]) -> list[Wording]:
        """Take copies away. What hung together by them is taken apart: it is returned, to enter again."""
        if not numbers:
            return []
        self._db.execute_many(
            "DELETE FROM issue_copies WHERE newsletter_id = ?", [(number,) for number in numbers]
        )
        left = {
            wording
            for (wording,) in self._db.rows(
                "SELECT DISTINCT wording FROM issue_copies WHERE wording IN (SELECT value FROM json_each(?))",
                (json.dumps(list(wordings)),),
            )
        }
        apart: list[Wording] = []
        for issue in self._issues(wordings):
            members = self._members(issue)
            if {each.id for each in members} & (wordings - left) or issue in numbers:
                apart += members
        self._db.execute_many(
            "DELETE FROM issue_keys WHERE key = ? AND wording = ?",
            [(key, each.id) for each in apart for key in dict(each.keys())],
        )
        self._db.execute_many("DELETE FROM issue_wordings WHERE id = ?", [(each.id,) for each in apart])
        return [each for each in apart if each.id not in wordings - left]

    def _members(self, issue: int) -> list[Wording]:
        rows = self._db.rows(
            "SELECT id, words, domain, campaign, sketch FROM issue_wordings WHERE issue = ?", (issue,)
        )
        return [Wording(*row) for row in rows]

    def _smallest_copy(self, wording: int) -> int:
        ((smallest,),) = self._db.rows(
            "SELECT min(newsletter_id) FROM issue_copies WHERE wording = ?", (wording,)
        )
        return int(smallest)

    def _arrive(self, number: int, wording: Wording, *, known: bool) -> None:
        """Add a copy of a wording that is there, or is new."""
        self._arrived.append(number)
        self._db.execute(
            "INSERT INTO issue_copies (newsletter_id, wording) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (number, wording.id),
        )
        if known:
            self._join(self._issues([wording.id]), number)
        else:
            self._enter(wording, number)

    def _enter(self, wording: Wording, number: int) -> None:
        """Add a wording, and bring together what it is together with."""
        keys = dict(wording.keys())
        issue = number
        if issues := self._like(wording, keys):  # one that is alone is no issue, and changes none
            issue = self._join(issues, number)
        self._db.execute(
            "INSERT INTO issue_wordings (id, issue, words, domain, campaign, sketch) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (wording.id, issue, wording.words, wording.domain, wording.campaign, wording.sketch),
        )
        self._db.execute_many(
            "INSERT INTO issue_keys (key, wording) VALUES (?, ?)", [(key, wording.id) for key in keys]
        )

    def _join(self, issues: set[int], number: int) -> int:
        """Make these issues one, of which the newsletter `number` is a part; returns its id."""
        smallest = min(*issues, number)
        absorbed = issues - {smallest}
        if absorbed:
            self._db.execute_many(
                "UPDATE issue_wordings SET issue = ? WHERE issue = ?",
                [(smallest, issue) for issue in absorbed],
            )
            self._renamed.add(smallest)
        self._touched |= {*issues, smallest}
        return smallest

    def _like(self, wording: Wording, keys: Mapping[int, int]) -> set[int]:
        """The issues of the wordings that this one, which is not there yet, is together with."""
        periods = {key + delta: key for key in keys for delta in (-PERIOD, 0, PERIOD)}
        found = self._db.rows(
            "SELECT k.value, f.wording FROM json_each(?) k JOIN issue_keys f ON f.key = k.value "
            "AND f.wording IN (SELECT wording FROM issue_keys WHERE key = k.value LIMIT ?)",
            (json.dumps(list(periods)), _CROWD + 1),
        )
        by_key: dict[int, list[int]] = {}
        for key, other in found:
            by_key.setdefault(key, []).append(other)
        least: dict[int, int] = {}  # in how many places each must agree: the least of what its keys ask for
        for key, others in by_key.items():
            own = periods[key]
            crowded = len(others) >= _CROWD if key == own else len(others) > _CROWD
            crowded = crowded or len(by_key.get(own, ())) >= _CROWD
            for other in others:
                least[other] = min(least.get(other, 128), 0 if crowded else keys[own])
        return self._together(wording, least)

    def _together(self, wording: Wording, least: Mapping[int, int]) -> set[int]:
        rows = self._db.rows(
            "SELECT id, issue, sketch FROM issue_wordings WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(least)),),
        )
        return {
            issue
            for other, issue, sketched in rows
            if not least[other] or agreement(wording.sketch, sketched) >= least[other]
        }

    def finish(self) -> None:
        """Write the rows of the issues that changed."""
        for issue in sorted(self._touched):
            self._write(issue)
        if self._touched and self._arrived:
            self._tell_arrived()

    def _write(self, issue: int) -> None:
        ((count, variants, first, last),) = self._db.rows(
            f"SELECT count(*), count(DISTINCT n.subject || char(10) || w.words), min(n.received_at), "
            f"max(n.received_at) {_MEMBERS}",
            (issue,),
        )
        if count < 2:
            self._db.execute("DELETE FROM issues WHERE id = ?", (issue,))
            return
        ((sender, subject),) = self._db.rows(
            f"SELECT n.sender, n.subject {_MEMBERS} ORDER BY n.received_at, n.id LIMIT 1",
            (issue,),
        )
        ((is_there,),) = self._db.rows("SELECT EXISTS (SELECT 1 FROM issues WHERE id = ?)", (issue,))
        self._db.execute(
            "INSERT INTO issues VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "sender = excluded.sender, subject = excluded.subject, "
            "first_received_at = excluded.first_received_at, last_received_at = excluded.last_received_at, "
            "newsletters = excluded.newsletters, variants = excluded.variants",
            (issue, sender, subject, first, last, count, variants),
        )
        if not is_there or issue in self._renamed:
            self._tell_all(issue)

    def _tell_all(self, issue: int) -> None:
        for change, which in (
            ("?1", "id IN ({}) AND issue IS NOT ?1"),
            ("NULL", "issue = ?1 AND id NOT IN ({})"),
        ):
            condition = which.format(f"SELECT n.id {_MEMBERS}")
            self._db.execute(f"UPDATE newsletters SET issue = {change} WHERE {condition}", (issue,))  # noqa: S608

    def _tell_arrived(self) -> None:
        self._db.execute(
            "UPDATE newsletters SET issue = (SELECT i.id FROM issue_copies c "
            "JOIN issue_wordings w ON w.id = c.wording JOIN issues i ON i.id = w.issue "
            "WHERE c.newsletter_id = newsletters.id) WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(self._arrived),),
        )


_MEMBERS: Final = """
    FROM issue_wordings w CROSS JOIN issue_copies c ON c.wording = w.id
    CROSS JOIN newsletters n ON n.id = c.newsletter_id WHERE w.issue = ?1
"""


def create(database: Tables) -> None:
    """Make the tables, and group what is there already."""
    for statement in TABLES:
        database.execute(statement)
    last = 0
    while rows := database.rows(_EVERY, (last,)):
        regroup(database, {}, {row[0]: stored(*row[1:]) for row in rows})
        last = rows[-1][0]


_EVERY: Final = """
    SELECT n.id, n.received_at, n.from_domain, n.subject, n.platform, n.campaign_id, b.text
    FROM newsletters n JOIN bodies b ON b.newsletter_id = n.id
    WHERE n.id > ? AND n.kind = 'newsletter' AND n.status = 'done' ORDER BY n.id LIMIT 500
"""
