"""Servers that do not hand over a message, break at one, or tell no UIDVALIDITY: scripted ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import Clock
from tests.support.fake_imap import Exchange, FakeImap
from tests.support.home import mail
from watcher import settings as settings_room
from watcher.service import polling
from watcher.service.inbox import Pass, poll_inbox
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.home import Home

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    ticking = Clock(START)  # the time that vault and polling see
    monkeypatch.setattr(polling, "utc_now", ticking)
    return ticking


@pytest.fixture
def server() -> Iterator[FakeImap]:
    with FakeImap() as running:
        for uid in range(1, 6):
            running.add(uid, mail(f"no. {uid}", message_id=f"<{uid}@example.org>"))
        yield running


def poll(home: Home, server: FakeImap, clock: Clock, **keys: object) -> Pass:
    """One pass over the server's INBOX."""
    (home.root / "secret").write_text("a secret")
    (home.root / "secret").chmod(0o600)
    lines = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    home.configure(
        f"inboxes:\n  - name: test\n    host: 127.0.0.1\n    port: {server.port}\n    security: none\n"
        f"    username: reader\n    password: {{file: {home.root}/secret}}\n{lines}"
    )
    (inbox,) = settings_room.load(home.config).inboxes
    with Vault.open(home.vault, now=clock) as vault:
        return poll_inbox(inbox, vault, {})


def stored(home: Home) -> list[int]:
    """The UIDs whose bytes are in the vault."""
    rows = home.vault_rows("select uid from deliveries where message is not null order by uid")
    return [row["uid"] for row in rows]


def skipped(home: Home) -> list[tuple[int, str]]:
    """The UIDs that were given up, with the reason."""
    return [
        (row["uid"], row["skipped"])
        for row in home.vault_rows("select uid, skipped from deliveries where message is null")
    ]


def cursor(home: Home) -> int:
    return int(home.vault_rows("select last_uid from mailboxes")[0]["last_uid"])


def test_a_message_that_is_not_handed_over_is_given_up_after_hours(
    home: Home, server: FakeImap, clock: Clock
) -> None:
    """Its neighbours come at once, the cursor waits for it, three attempts lie an hour apart."""
    server.on("UID FETCH", lambda exchange: without_body_of(exchange, 3))
    poll(home, server, clock)
    assert stored(home) == [1, 2, 4, 5]
    assert cursor(home) == 2
    fetched = server.count("UID FETCH")
    poll(home, server, clock)  # it rests: only sizes are asked for
    assert server.count("UID FETCH") == fetched + 1
    for _ in range(2):
        clock.now += timedelta(hours=1)
        poll(home, server, clock)
    assert [uid for uid, _ in skipped(home)] == [3]
    assert "3 attempts" in skipped(home)[0][1]
    assert cursor(home) == 5


def without_body_of(exchange: Exchange, broken: int) -> None:
    """Answer a FETCH, but leave out the bytes of one message."""
    numbers, _, items = exchange.arguments.partition(" ")
    for uid in exchange.server.named(numbers):
        if uid == broken and "BODY.PEEK[]" in items:
            exchange.untagged(f"{uid} FETCH (UID {uid} BODY[] NIL)")
        else:
            exchange.send(exchange.server.row(uid, items))
    exchange.ok()


def test_a_message_that_breaks_the_connection_costs_its_neighbours_nothing(
    home: Home, server: FakeImap, clock: Clock
) -> None:
    """After the first break the batch is asked for one by one; what is behind the broken one comes later."""

    def breaks(exchange: Exchange) -> None:
        numbers, _, items = exchange.arguments.partition(" ")
        if "BODY.PEEK[]" in items and 3 in exchange.server.named(numbers):
            exchange.hang_up(reset=True)
        else:
            without_body_of(exchange, 0)

    server.on("UID FETCH", breaks)
    assert poll(home, server, clock).errors
    assert stored(home) == []
    poll(home, server, clock)  # one by one, until the broken one
    poll(home, server, clock)  # it rests, the others come
    assert stored(home) == [1, 2, 4, 5]
    for _ in range(3):
        clock.now += timedelta(hours=1)
        poll(home, server, clock)
    assert [uid for uid, _ in skipped(home)] == [3]
    assert not poll(home, server, clock).errors


def test_a_line_that_breaks_once_under_a_single_mail_does_not_delay_it(
    home: Home, server: FakeImap, clock: Clock
) -> None:
    """Mail that is pushed comes one by one: each is asked for again as soon as there is a connection."""
    poll(home, server, clock)
    server.add(6, mail("no. 6", message_id="<6@example.org>"))
    broken: list[str] = []

    def breaks_once(exchange: Exchange) -> None:
        if "BODY.PEEK[]" in exchange.arguments and not broken:
            broken.append(exchange.arguments)
            exchange.hang_up(reset=True)
        else:
            without_body_of(exchange, 0)

    server.on("UID FETCH", breaks_once)
    assert poll(home, server, clock).errors
    assert not poll(home, server, clock).errors
    assert stored(home) == [1, 2, 3, 4, 5, 6]


def test_a_server_without_uidvalidity_is_listed_again_and_doubles_nothing(
    home: Home, server: FakeImap, clock: Clock
) -> None:
    """Mail is recognised by Message-ID, size and date; deliveries do not grow with every pass."""
    server.uidvalidity = None
    poll(home, server, clock)
    bodies = server.count("UID FETCH")
    for _ in range(3):
        assert poll(home, server, clock).polled.stored == 0
    assert len(stored(home)) == 5
    assert server.count("UID FETCH") <= bodies + 6  # fingerprints and sizes, no bodies
    server.add(6, mail("no. 6", message_id="<6@example.org>"))
    assert poll(home, server, clock).polled.stored == 1
    assert len(stored(home)) == 6


def test_since_leaves_out_what_arrived_before(home: Home, server: FakeImap, clock: Clock) -> None:
    """The day counts, by the server's time; what is older is not fetched, now or later."""
    server.add(6, mail("old", message_id="<6@example.org>"), internal_date="01-Feb-2026 12:00:00 +0000")
    poll(home, server, clock, since="2026-03-01")
    assert stored(home) == [1, 2, 3, 4, 5]
    assert cursor(home) == 6
    poll(home, server, clock, since="2026-03-01")
    assert stored(home) == [1, 2, 3, 4, 5]


def test_a_missing_secret_is_the_inbox_s_own_problem(home: Home, server: FakeImap, clock: Clock) -> None:
    """It is returned like a refused login, and nothing was connected."""
    poll(home, server, clock)
    connections = server.count("LOGIN")
    (home.root / "secret").unlink()
    home.config.write_text(home.config.read_text())
    (inbox,) = settings_room.load(home.config).inboxes
    with Vault.open(home.vault) as vault:
        outcome = poll_inbox(inbox, vault, {})
    assert "secret" in str(outcome.errors[0])
    assert server.count("LOGIN") == connections
