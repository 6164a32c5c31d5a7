"""Senders gone quiet: nothing for three times their usual gap.

The usual gap is the median number of days between two days with a newsletter: a burst of mails within a day
is one, and a sender who pauses at night or over a weekend is not missed. The few that may be quiet are found
in the index over (who, received_at) alone, so the question costs a look for each sender and not one for each
newsletter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from watcher.sqlite import Database

TIMES = 3
"""The silence of a quiet sender is longer than so many of its usual gaps."""

LEAST_KNOWN = 4
"""Newsletters of which a rhythm can be read; fewer say nothing."""

_LOOKED_AT = 40  # mails of one sender: its rhythm today, not that of years ago
_ENDED = timedelta(
    days=90
)  # beyond the time at which it was missed: the list has ended, nobody waits any more
_LONGEST = timedelta(days=400)  # silence; an archive that was imported is full of lists that have ended


@dataclass(frozen=True, slots=True)
class Quiet:
    """A sender that used to write and does not any more."""

    key: str  # slug of a registered sender, else the address in From: of the clean store
    name: str  # for people; the domain where there is no name
    label: str  # for logs: the slug, or the domain; never an address
    inbox: str  # that its last newsletter came to
    last_at: str  # UTC, ISO 8601
    usual_days: float


def quiet_senders(database: Database, now: datetime) -> list[Quiet]:
    """Return the senders that are quiet at `now`, aware; the one who was missed first comes first."""
    found = [
        quiet
        for column, condition in (("sender", "1"), ("from_address", "sender IS NULL"))
        for key in _silent(database, column, now)
        if _seems_quiet(database, column, key, now)
        and (quiet := _judged(database, column, condition, key, now)) is not None
    ]
    return sorted(found, key=lambda each: (each.last_at, each.key))


def _silent(database: Database, column: str, now: datetime) -> Iterator[str]:
    """Who has written often enough, but nothing for as long as the quickest rhythm allows."""
    # A loose scan: SQLite jumps from one value to the next and reads neither the mails nor the index between.
    rows = database.rows(
        f"""
        WITH RECURSIVE senders (who) AS (
            SELECT min({column}) FROM newsletters WHERE {column} > ''
            UNION ALL
            SELECT (SELECT min({column}) FROM newsletters WHERE {column} > who)
            FROM senders WHERE who IS NOT NULL
        )
        SELECT who FROM senders
        WHERE (SELECT max(received_at) FROM newsletters WHERE {column} = who) BETWEEN ? AND ?
        AND EXISTS (SELECT 1 FROM newsletters WHERE {column} = who LIMIT 1 OFFSET {LEAST_KNOWN - 1})
        """,  # noqa: S608  # constants
        (_text(now - _LONGEST), _text(now - timedelta(days=TIMES))),
    )
    return (who for (who,) in rows)


def _seems_quiet(database: Database, column: str, key: str, now: datetime) -> bool:
    """Judge by all its mail, whatever the kind: the index alone tells, and acquits most."""
    rows = database.rows(
        f"SELECT received_at FROM newsletters WHERE {column} = ? "  # noqa: S608  # constants
        "ORDER BY received_at DESC LIMIT ?",
        (key, _LOOKED_AT),
    )
    return _usual_days([moment for (moment,) in rows], now) is not None


def _usual_days(moments: Sequence[str], now: datetime) -> float | None:
    """The usual gap of mails at these moments; None when they have no rhythm, or are not missed at `now`."""
    days = sorted({date.fromisoformat(moment[:10]) for moment in moments})
    if len(moments) < LEAST_KNOWN or len(days) < 2:
        return None
    usual = float(median((after - before).days for before, after in pairwise(days)))
    silence = (now.astimezone(UTC).date() - days[-1]).days
    return usual if TIMES * usual < silence <= TIMES * usual + _ENDED.days else None


def _judged(database: Database, column: str, condition: str, key: str, now: datetime) -> Quiet | None:
    rows = database.rows(
        f"""
        SELECT received_at, from_name, from_domain, inbox FROM (
            SELECT * FROM newsletters WHERE {column} = ? AND {condition} ORDER BY received_at DESC LIMIT ?
        ) WHERE kind = 'newsletter'
        """,  # noqa: S608  # constants
        (key, _LOOKED_AT),
    )
    usual = _usual_days([row[0] for row in rows], now)
    if usual is None:
        return None
    last_at, from_name, domain, inbox = rows[0]
    registered = column == "sender"
    known = database.row("SELECT name FROM senders WHERE slug = ?", (key,)) if registered else None
    return Quiet(
        key=key,
        name=(known[0] if known else "") or from_name or domain,
        label=key if registered else domain,
        inbox=inbox,
        last_at=last_at,
        usual_days=usual,
    )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
