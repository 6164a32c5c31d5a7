"""What systemd is told: READY, STATUS, WATCHDOG, STOPPING, RELOADING (sd_notify(3)).

Without $NOTIFY_SOCKET every call does nothing, so the daemon is the same under any supervisor.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time


class Notifier:
    """The notification socket of the service manager."""

    def __init__(self, address: str | None = None) -> None:
        chosen = address if address is not None else os.environ.get("NOTIFY_SOCKET", "")
        # a leading @ stands for the NUL of an abstract socket
        self._address = "\0" + chosen[1:] if chosen.startswith("@") else chosen

    def ready(self) -> None:
        """Start-up is over."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """What a person wants to know, in one line."""
        self._send("STATUS=" + text.replace("\n", " "))

    def watchdog(self) -> None:
        """The daemon does its work; call it only while it really does."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """The settings are read again; `ready` says that this is over."""
        # Type=notify-reload wants the moment as well, by the clock that systemd compares it with.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Shutdown has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A supervisor that went away is no reason to stop archiving.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect(self._address)
            channel.send(message.encode())
