"""What systemd is told."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from watcher.service.notify import Notifier

if TYPE_CHECKING:
    from pathlib import Path


def test_messages_reach_the_notification_socket(tmp_path: Path) -> None:
    """Each call is one datagram in the words of sd_notify(3).

    A line break in a status would begin another word.
    """
    path = os.path.relpath(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        notifier = Notifier(path)
        notifier.ready()
        notifier.status("3 inboxes\nREADY=0")
        notifier.watchdog()
        notifier.stopping()
        assert [manager.recv(200) for _ in range(4)] == [
            b"READY=1",
            b"STATUS=3 inboxes READY=0",
            b"WATCHDOG=1",
            b"STOPPING=1",
        ]


def test_an_abstract_socket_is_reached() -> None:
    """A leading @ stands for the NUL of an abstract address."""
    name = f"watcher-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        Notifier("@" + name).ready()
        assert manager.recv(100) == b"READY=1"


def test_without_a_manager_nothing_happens(tmp_path: Path) -> None:
    """No socket, or one that nobody reads any more, is no reason to stop archiving."""
    Notifier("").ready()
    Notifier(str(tmp_path / "gone")).watchdog()
    assert not (tmp_path / "gone").exists()
