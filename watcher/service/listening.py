"""/metrics and /healthz on this machine: one thread, off unless the settings say so.

It answers loopback addresses alone, and requests that name one: a web page in somebody's browser cannot read
it by a name that it made point here. /healthz is 503 when an inbox has not succeeded for three intervals,
when nothing can be stored, and when the daemon's main thread has not said anything for minutes.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from watcher.service.metrics import CONTENT_TYPE
from watcher.service.status import LATE
from watcher.settings.fields import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SILENT = timedelta(minutes=5)
"""How old the main thread's last word may be; it speaks every few seconds, and after every batch of mail."""

_PATIENCE = 5.0  # seconds that a client may take for its request: there is one thread for all


@dataclass(frozen=True, slots=True)
class Seen:
    """What the daemon showed last. Never changed: the thread reads it while the next one is made."""

    at: datetime
    text: str  # of /metrics
    good_until: Mapping[str, datetime]  # by inbox: when its last success is too long ago
    waiting: bool  # nothing can be stored

    def ailing(self, now: datetime) -> list[str]:
        """What is wrong at `now`: names of inboxes, `storage`, `daemon`."""
        found = [inbox for inbox, moment in self.good_until.items() if now > moment]
        found += ["storage"] if self.waiting else []
        return found + (["daemon"] if now - self.at > _SILENT else [])


def good_until(last_success: str, started_at: datetime, every: timedelta) -> datetime:
    """Return until when an inbox counts as well. One that never succeeded has the time from the start."""
    last = datetime.fromisoformat(last_success) if last_success else started_at
    return max(last, started_at) + LATE * every


class Listener:
    """The server. `show` is called whenever there is something new; `close` ends it."""

    def __init__(self, address: tuple[str, int], clock: Callable[[], datetime]) -> None:
        """Listen on a loopback address. Raises `OSError`: the port is taken; `ValueError`: not loopback."""
        host, port = address
        if not is_loopback(host):
            raise ValueError(f"metrics_listen: {host} is not an address of this machine alone")
        bare = "127.0.0.1" if host == "localhost" else host  # no name is resolved
        self._server = _Server((bare, port), clock)
        self._thread = threading.Thread(target=self._server.serve, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def show(self, seen: Seen) -> None:
        """Answer with this from now on."""
        self._server.seen = seen

    def close(self) -> None:
        """Stop listening."""
        self._server.closing = True
        with contextlib.suppress(OSError):
            self._server.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._thread.join(_PATIENCE + 1)
        self._server.server_close()


class _Server(socketserver.TCPServer):
    """Unlike `http.server.HTTPServer` it does not look up the machine's own name."""

    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], clock: Callable[[], datetime]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.clock = clock
        self.seen: Seen | None = None
        self.closing = False
        super().__init__(address, _Handler)

    def serve(self) -> None:
        """Answer one request after the other. `serve_forever` would wake the machine twice a second."""
        while not self.closing:
            self.handle_request()

    def handle_error(self, *_: object) -> None:
        """A client went away: that is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE
    server_version = "watcher"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer /metrics and /healthz."""
        host = self.headers.get("Host", "localhost")
        name = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
        if not is_loopback(name):
            self._answer(403, "text/plain; charset=utf-8", "this is for this machine alone\n")
        elif self.path == "/metrics":
            self._answer(200, CONTENT_TYPE, self.server.seen.text if self.server.seen else "")
        elif self.path == "/healthz":
            seen = self.server.seen
            ailing = seen.ailing(self.server.clock()) if seen else []
            body = json.dumps({"well": not ailing, "ailing": ailing})
            self._answer(503 if ailing else 200, "application/json", body + "\n")
        else:
            self._answer(404, "text/plain; charset=utf-8", "there are /metrics and /healthz\n")

    def _answer(self, status: int, kind: str, body: str) -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Scrapes are no news."""
