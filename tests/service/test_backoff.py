"""When an inbox that failed is tried again."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from watcher.mailbox import AuthenticationFailed, CertificateInvalid, ConnectionLost, TemporarilyRefused
from watcher.service.backoff import Backoff

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SPREAD = random.Random(1)


def waits(error: Exception, times: int) -> list[timedelta]:
    state = Backoff()
    found = []
    for _ in range(times):
        state = state.after(error, NOW, SPREAD)
        assert state.not_before is not None
        found.append(state.not_before - NOW)
    return found


@pytest.mark.parametrize(
    ("error", "first", "last"),
    [
        (AuthenticationFailed("x"), timedelta(minutes=5), timedelta(hours=1)),
        (CertificateInvalid("x"), timedelta(minutes=15), timedelta(minutes=15)),
        (TemporarilyRefused("x"), timedelta(seconds=30), timedelta(minutes=16)),
        (ConnectionLost("x"), timedelta(seconds=1), timedelta(seconds=256)),
    ],
    ids=["login", "certificate", "refused", "lost"],
)
def test_waits_grow_to_a_bound_of_their_own(error: Exception, first: timedelta, last: timedelta) -> None:
    """Each class of failure has its own first and longest wait, plus at most a quarter of it as jitter."""
    found = waits(error, 9)
    assert first <= found[0] <= first * 1.25
    assert last <= found[-1] <= max(last, timedelta(seconds=300)) * 1.25
    assert found[-1] >= found[0]


def test_a_wrong_password_is_never_tried_in_a_storm() -> None:
    """Ten refused logins in a row take more than eight hours."""
    assert sum(waits(AuthenticationFailed("x"), 10), timedelta()) > timedelta(hours=8)


def test_an_inbox_is_left_alone_until_it_is_due() -> None:
    """Before `not_before` it must not be tried, from then on it may."""
    state = Backoff().after(ConnectionLost("x"), NOW, SPREAD)
    assert state.not_before is not None
    assert not state.due(NOW)
    assert state.due(state.not_before)
    assert Backoff().due(NOW)
