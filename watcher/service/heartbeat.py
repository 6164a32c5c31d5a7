"""A sign of life after a good round, for a monitor that raises the alarm when it stays away.

Off unless the settings say otherwise. With `url` this is a connection to somebody else's server: whoever runs
it learns that the watcher works, and when. Nothing is sent beyond the request itself, redirections are not
followed, and the answer is not read. The address may hold a token, so that it is in no message.
"""

from __future__ import annotations

import subprocess
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from structlog.typing import FilteringBoundLogger

    from watcher.settings import Heartbeat as Target

SECONDS = 10.0
"""How long a command may run, and a server may take to answer."""

_USER_AGENT = "newsletter-watcher"


class HeartbeatError(Exception):
    """The sign did not arrive; the message says why, without the address."""


def send(target: Target, seconds: float = SECONDS) -> None:
    """Run the command, or request the address. Raises `HeartbeatError`."""
    if target.command:
        _run(target.command, seconds)
    else:
        _request(target.url, seconds)


def _run(command: tuple[str, ...], seconds: float) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # the settings' own command, without a shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise HeartbeatError(f"heartbeat: the command did not end within {seconds:g} seconds") from error
    except OSError as error:
        raise HeartbeatError(f"heartbeat: the command cannot be run: {error.strerror or error}") from error
    if done.returncode:
        raise HeartbeatError(f"heartbeat: the command ended with {done.returncode}")


def _request(url: str, seconds: float) -> None:
    from urllib import error as errors  # noqa: PLC0415  # who sends no heartbeat does not pay for HTTP
    from urllib import request  # noqa: PLC0415

    class Straight(request.HTTPRedirectHandler):
        """Go where the settings say, and nowhere else."""

        def redirect_request(self, *_: object) -> None:
            return None

    ask = request.Request(url, headers={"User-Agent": _USER_AGENT})  # noqa: S310  # https, or loopback: settings
    try:
        with request.build_opener(Straight).open(ask, timeout=seconds):
            pass
    except errors.HTTPError as error:
        error.close()
        raise HeartbeatError(f"heartbeat: the server answered {error.code}") from None
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, errors.URLError) else error
        raise HeartbeatError(f"heartbeat: the server was not reached ({type(reason).__name__})") from None


class Heart:
    """Sends the signs, one at a time, in a thread of its own: a monitor that hangs holds nobody up."""

    def __init__(self, target: Target, every: float, log: Callable[[], FilteringBoundLogger]) -> None:
        self._target = target
        self._every = every  # seconds between two signs, at least
        self._log = log
        self._last: datetime | None = None
        self._thread: threading.Thread | None = None
        self._failing = False

    def beat(self, now: datetime) -> bool:
        """A round went well at `now`: send a sign, unless there was one just now; returns whether."""
        if self._last is not None and (now - self._last).total_seconds() < self._every:
            return False
        if self._thread is not None and self._thread.is_alive():
            return False
        self._last = now
        self._thread = threading.Thread(target=self._send, name="heartbeat", daemon=True)
        self._thread.start()
        return True

    def wait(self, seconds: float) -> None:
        """Give the sign that is under way so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _send(self) -> None:
        try:
            send(self._target)
        except HeartbeatError as error:
            if not self._failing:  # once; the monitor itself tells the rest
                self._log().warning("heartbeat_failed", error=str(error))
            self._failing = True
        else:
            if self._failing:
                self._log().info("heartbeat_recovered")
            self._failing = False
