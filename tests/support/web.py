"""A real Datasette with the plugin, on loopback, as `watcher serve` starts it."""

from __future__ import annotations

import signal
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from watcher.web import command, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

CONFIG = Path(__file__).parents[2] / "config" / "datasette.yaml"


@dataclass(frozen=True)
class Answer:
    """What an address answered."""

    status: int
    headers: Message
    text: str


@dataclass(frozen=True)
class Web:
    """A running Datasette."""

    base: str

    def get(self, path: str) -> Answer:
        """Ask for a path; an error page is an answer like any other."""
        request = self.base + quote(path, safe="/?&=%+~.-_")
        try:
            with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310  (loopback)
                return Answer(response.status, response.headers, response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode())


@contextmanager
def serving(store: Path, config: Path = CONFIG, media: Path | None = None) -> Iterator[Web]:
    """Run Datasette for `store`, and for the screenshots in `media`, at a free port until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = command(store, config, "127.0.0.1", port, media)
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            if not wait_until_ready("127.0.0.1", port, 60):
                raise RuntimeError("Datasette did not start")
            yield Web(f"http://127.0.0.1:{port}")
        finally:
            # As Ctrl-C does. After SIGTERM uvicorn ends by the signal itself, and a coverage run is lost.
            process.send_signal(signal.SIGINT)
            process.wait(15)
