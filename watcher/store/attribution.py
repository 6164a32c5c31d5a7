"""Which newsletter belongs to which sender: what the store knows of it, and who is not registered yet.

Everything here was redacted when it was stored: no address, name or token of the subscriber can come out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watcher.sqlite import Database


@dataclass(frozen=True, slots=True)
class Account:
    """The account at a provider that a newsletter named; `status` as in `ProviderStatus`."""

    provider: str
    layer: str
    status: str
    account: str


@dataclass(frozen=True, slots=True)
class Attributed:
    """What a registry can tell a newsletter's sender by, and the sender that it has."""

    id: int
    inbox: str
    received_at: str
    list_id: str
    from_address: str
    pipeline_version: str
    sender: str  # slug, empty when nobody registered it
    reason: str
    unauthenticated: bool = False
    accounts: tuple[Account, ...] = ()  # in the order of the layers; only where they were asked for
    results: tuple[tuple[str, str, str], ...] = ()  # method, outcome, domain of each that our receiver found


@dataclass(frozen=True, slots=True)
class Stranger:
    """Newsletters that nobody registered and that name the same list, account and author."""

    list_id: str
    account: str  # `provider:account`, empty without one that is believed
    from_address: str
    from_domain: str
    from_name: str  # of the newest
    platform: str  # name, of the newest; empty when unknown
    count: int
    first_at: str  # UTC, ISO 8601
    last_at: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many newsletters of a sender there are, and when the last one came."""

    count: int
    last_at: str  # UTC, ISO 8601


def attributed(database: Database, after: int, limit: int, *, accounts: bool) -> list[Attributed]:
    """Return the rows with an id above `after`, ascending, at most `limit`; failed records have no sender."""
    rows = database.rows(
        "SELECT id, inbox, received_at, list_id, from_address, pipeline_version, coalesce(sender, ''), "
        "sender_reason, sender_unauthenticated FROM newsletters WHERE id > ? AND status <> 'failed' "
        "ORDER BY id LIMIT ?",
        (after, limit),
    )
    if not rows:
        return []
    first, last = rows[0][0], rows[-1][0]
    found = _accounts(database, first, last) if accounts else {}
    results = _results(database, first, last)
    return [
        Attributed(*(*row[:-1], bool(row[-1]), tuple(found.get(row[0], ())), tuple(results.get(row[0], ()))))
        for row in rows
    ]


def _results(database: Database, first: int, last: int) -> Mapping[int, list[tuple[str, str, str]]]:
    found: defaultdict[int, list[tuple[str, str, str]]] = defaultdict(list)
    for number, method, outcome, domain in database.rows(
        "SELECT newsletter_id, method, outcome, domain FROM authentication "
        "WHERE newsletter_id BETWEEN ? AND ? ORDER BY newsletter_id, position",
        (first, last),
    ):
        found[number].append((method, outcome, domain))
    return found


def _accounts(database: Database, first: int, last: int) -> Mapping[int, list[Account]]:
    found: defaultdict[int, list[Account]] = defaultdict(list)
    for number, *account in database.rows(
        "SELECT newsletter_id, provider, layer, status, account FROM newsletter_providers "
        "WHERE newsletter_id BETWEEN ? AND ? AND account <> '' ORDER BY newsletter_id, position",
        (first, last),
    ):
        found[number].append(Account(*account))
    return found


# The first account of a newsletter that is believed: the one that the registry would be asked for. A time
# and what stands behind it as one text: its max() is what the newest newsletter says.
_STRANGERS = """
    SELECT n.list_id,
        coalesce((SELECT np.provider || ':' || np.account FROM newsletter_providers np
            WHERE np.newsletter_id = n.id AND np.account <> '' AND np.status <> 'contradicted'
            ORDER BY np.position LIMIT 1), '') AS account,
        n.from_address, n.from_domain, count(*), min(n.received_at),
        max(n.received_at || char(10) || coalesce(p.name, '') || char(10) || n.from_name)
    FROM newsletters n LEFT JOIN providers p ON p.slug = n.platform
    WHERE n.kind = 'newsletter' AND n.sender IS NULL
    GROUP BY n.list_id, account, n.from_address, n.from_domain
"""


def strangers(database: Database) -> list[Stranger]:
    """Group the newsletters without a sender, the most frequent first; other kinds of mail are out."""
    found = []
    for list_id, account, address, domain, count, first_at, newest in database.rows(_STRANGERS):
        last_at, platform, name = newest.split("\n", 2)
        found.append(Stranger(list_id, account, address, domain, name, platform, count, first_at, last_at))
    return sorted(found, key=lambda each: (-each.count, each.from_domain, each.list_id, each.from_address))


def tallies(database: Database) -> dict[str, Tally]:
    """Count the newsletters of each sender, by slug."""
    rows = database.rows(
        "SELECT sender, count(*), max(received_at) FROM newsletters "
        "WHERE kind = 'newsletter' AND sender IS NOT NULL GROUP BY sender"
    )
    return {slug: Tally(count, last) for slug, count, last in rows}
