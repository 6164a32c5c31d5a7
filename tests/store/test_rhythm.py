"""Senders gone quiet: who is missed, who is not, and that the question stays cheap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.records import record
from watcher.record import Author, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.store import Store

NOW = datetime(2026, 6, 15, 9, 0, tzinfo=UTC)  # a Monday


def written(store: Store, days_ago: Sequence[float], first: int = 1, **changes: Any) -> None:
    """Newsletters of one sender, so many days before NOW."""
    moments = [(NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ") for days in days_ago]
    store.write((first + n, record(received_at=at, **changes)) for n, at in enumerate(moments))


def weekly(last: float, mails: int = 5) -> list[float]:
    return [last + 7 * n for n in range(mails)]


@pytest.mark.parametrize(
    ("days_ago", "quiet"),
    [
        pytest.param(weekly(22), True, id="weekly, three weeks and a day"),
        pytest.param(weekly(21), False, id="weekly, three weeks to the day"),
        pytest.param(weekly(22, mails=3), False, id="three mails have no rhythm"),
        pytest.param(weekly(22, mails=4), True, id="four have"),
        pytest.param([4, 5, 6, 7], True, id="daily, four days"),
        pytest.param([3, 4, 5, 6, 7, 10, 11], False, id="workdays: a weekend is no silence"),
        pytest.param([0.6, 0.61, 0.7, 0.8, 0.9], False, id="a burst on one day is one day"),
        pytest.param([8, 8.1, 8.2, 15, 15.1, 15.2, 22, 22.1], False, id="bursts every week"),
        pytest.param([22, 29, 30, 36, 43, 50], True, id="one extra mail does not change the rhythm"),
        pytest.param(weekly(21 + 91), False, id="a list that ended long ago"),
        pytest.param([200, 290, 380, 470], False, id="quarterly, and not due yet"),
        pytest.param(weekly(-1), False, id="a clock that runs ahead"),
    ],
)
def test_a_sender_is_quiet_after_three_times_its_usual_gap(
    store: Store, days_ago: list[float], quiet: bool
) -> None:
    """The gap is the median of the days between days with mail; at least four mails; not for ever."""
    written(store, days_ago)
    assert [each.key for each in store.quiet_senders(NOW)] == (["example-party"] if quiet else [])


def test_a_quiet_sender_is_named_for_people_and_for_logs(store: Store) -> None:
    """By name for people; in logs by slug or domain, never by an address."""
    written(store, weekly(30))
    author = Author("River News", "letters@river.example.com", "river.example.com")
    written(store, weekly(40), first=100, sender=None, author=author, inbox="rivers")
    stranger, party = store.quiet_senders(NOW)
    assert (stranger.name, stranger.label, stranger.inbox) == ("River News", "river.example.com", "rivers")
    assert (party.name, party.label, party.usual_days) == ("Example Party", "example-party", 7.0)
    assert party.last_at == "2026-05-16T09:00:00Z"


def test_only_newsletters_make_a_rhythm(store: Store) -> None:
    """Receipts and confirmations come when something happens, and nobody waits for them."""
    written(store, weekly(30), kind=Kind.TRANSACTIONAL)
    assert store.quiet_senders(NOW) == []


def test_any_mail_shows_that_a_sender_is_there(store: Store) -> None:
    """A welcome mail of yesterday: the address works, and the sender still writes."""
    written(store, weekly(30))
    written(store, [1], first=50, kind=Kind.TRANSACTIONAL)
    assert store.quiet_senders(NOW) == []


def test_senders_are_found_without_reading_the_newsletters(store: Store) -> None:
    """Each step is a search in an index that holds all it needs: no scan of the table, no sorting."""
    seen: list[str] = []
    store._db._connection.set_trace_callback(seen.append)
    written(store, weekly(30))
    seen.clear()
    store.quiet_senders(NOW)
    store._db._connection.set_trace_callback(None)
    plans = {
        step
        for sql in seen
        if "newsletters" in sql
        for (*_, step) in store._db.rows(f"EXPLAIN QUERY PLAN {sql}")
        if "newsletters" in step
    }
    assert plans
    assert not [step for step in plans if not step.startswith("SEARCH newsletters USING")]
