"""The hub: it tells of each connection once, and leaves what was taken from it alone."""

from __future__ import annotations

import queue
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from watcher.mailbox import ConnectionLost
from watcher.service.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator


class Connection:
    """One end of a socket pair that has news when it can be read, or when `buffered` says so."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.buffered = False
        self.looks = threading.Semaphore(0)

    def fileno(self) -> int:
        return self.near.fileno()

    def heard(self) -> bool:
        try:
            return self.buffered or self._reads_news()
        finally:
            self.looks.release()

    def _reads_news(self) -> bool:
        try:
            data = self.near.recv(100)
        except BlockingIOError:
            return False
        if not data:
            self.near.close()
            raise ConnectionLost("gone")
        return data == b"news"

    def close(self) -> None:
        self.near.close()
        self.far.close()


@pytest.fixture
def woken() -> queue.Queue[Connection]:
    """The connections that the hub told of."""
    return queue.Queue()


@pytest.fixture
def hub(woken: queue.Queue[Connection]) -> Iterator[Hub[Connection]]:
    """A running hub."""
    watching: Hub[Connection] = Hub(woken.put)
    watching.start()
    yield watching
    watching.stop()


@pytest.fixture
def connections() -> Iterator[list[Connection]]:
    """Three connections."""
    made = [Connection() for _ in range(3)]
    yield made
    for each in made:
        each.close()


def test_news_are_told_once_and_the_connection_is_handed_back(
    hub: Hub[Connection], woken: queue.Queue[Connection], connections: list[Connection]
) -> None:
    """After that the hub does not touch it, until it is handed over again."""
    one, two, _ = connections
    hub.watch(one)
    hub.watch(two)
    two.far.send(b"news")
    assert woken.get(timeout=10) is two
    assert not hub.take(two)
    two.far.send(b"news")
    one.far.send(b"news")
    assert woken.get(timeout=10) is one
    assert woken.empty()
    hub.watch(two)
    assert woken.get(timeout=10) is two


def test_noise_is_listened_to_and_not_told(
    hub: Hub[Connection], woken: queue.Queue[Connection], connections: list[Connection]
) -> None:
    """The connection stays with the hub."""
    one = connections[0]
    hub.watch(one)
    assert one.looks.acquire(timeout=10)
    one.far.send(b"noise")
    assert one.looks.acquire(timeout=10)
    one.far.send(b"news")
    assert woken.get(timeout=10) is one


def test_what_was_read_before_is_news_at_once(
    hub: Hub[Connection], woken: queue.Queue[Connection], connections: list[Connection]
) -> None:
    """No selector would ever report it."""
    connections[0].buffered = True
    hub.watch(connections[0])
    assert woken.get(timeout=10) is connections[0]


def test_a_lost_connection_is_its_owner_s(
    hub: Hub[Connection], woken: queue.Queue[Connection], connections: list[Connection]
) -> None:
    """It has closed its socket by then, and another may have the same number already."""
    one, two, _ = connections
    hub.watch(one)
    hub.watch(two)
    one.far.close()
    assert woken.get(timeout=10) is one
    assert not hub.take(one)
    two.far.send(b"news")
    assert woken.get(timeout=10) is two


def test_what_was_taken_is_left_alone(
    hub: Hub[Connection], woken: queue.Queue[Connection], connections: list[Connection]
) -> None:
    """Its owner reads from it himself."""
    one, two, _ = connections
    hub.watch(one)
    hub.watch(two)
    assert hub.take(one)
    assert not hub.take(one)
    one.far.send(b"news")
    two.far.send(b"news")
    assert woken.get(timeout=10) is two
    assert woken.empty()
    assert one.near.recv(100) == b"news"


def test_each_idle_is_renewed_in_time(woken: queue.Queue[Connection], connections: list[Connection]) -> None:
    """Without any word of the server; one that was taken meanwhile is not renewed again."""
    hub: Hub[Connection] = Hub(woken.put, renewal=0.05)
    hub.start()
    for each in connections:
        hub.watch(each)
    assert hub.take(connections[2])
    assert {woken.get(timeout=10), woken.get(timeout=10)} == set(connections[:2])
    hub.watch(connections[0])
    assert woken.get(timeout=10) is connections[0]
    assert woken.empty()
    assert hub.silent_for < 10
    hub.stop()


def test_after_the_end_connections_come_straight_back(
    woken: queue.Queue[Connection], connections: list[Connection]
) -> None:
    """Whoever hands one over during the shutdown is not left with a connection that nobody watches."""
    hub: Hub[Connection] = Hub(woken.put)
    hub.start()
    hub.watch(connections[0])
    assert len(hub) == 1
    hub.stop()
    assert len(hub) == 0
    hub.watch(connections[1])
    assert woken.get(timeout=10) is connections[1]
