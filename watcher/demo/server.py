"""An IMAP server inside this process, for `watcher demo` and for tests: pymap's in-memory one, on loopback.

    with demo_server(samples()) as server:
        imaplib.IMAP4(server.host, server.port).login(server.username, server.password)

It speaks IMAP4rev1 with IDLE, without TLS, to this machine only, and forgets everything when it ends.
"""

from __future__ import annotations

import asyncio
import imaplib
import logging
import secrets
import socket
import threading
from argparse import ArgumentParser, Namespace
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from watcher.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

_HOST: Final = "127.0.0.1"
_USERNAME: Final = "reader"
_START_SECONDS: Final = 15.0  # generous: it needs about half a second


class DemoError(Exception):
    """The demo's server cannot run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class DemoServer:
    """Where the server listens and who may log in."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)


@contextmanager
def demo_server(mails: Iterable[bytes]) -> Iterator[DemoServer]:
    """Run an IMAP server whose INBOX holds `mails`, at a free port of 127.0.0.1, until the block ends.

    Each mail's INTERNALDATE is the moment in its topmost `Received` field, as on the server that wrote it.
    Raises `DemoError` when pymap is not installed or the server does not start.
    """
    pymap = _load_pymap()
    with socket.create_server((_HOST, 0)) as listener:
        server = DemoServer(_HOST, listener.getsockname()[1], _USERNAME, secrets.token_urlsafe(12))
        running = _Running(pymap, listener, server)
        running.start()
        try:
            _fill(server, mails)
            yield server
        finally:
            running.stop()


@dataclass(frozen=True, slots=True)
class _Pymap:
    """The parts of pymap that are used, so that importing this module does not need it."""

    backend: Any
    imap_server: Any
    imap_service: Any
    proxy_reader: Any


def _load_pymap() -> _Pymap:
    try:
        from proxyprotocol.reader import ProxyProtocolReader  # noqa: PLC0415
        from pymap.backend.dict import DictBackend  # noqa: PLC0415
        from pymap.imap import IMAPServer, IMAPService  # noqa: PLC0415
    except ImportError as missing:
        raise DemoError(
            f"the demo's IMAP server is not installed ({missing.name or missing}); "
            "run: pip install 'newsletter-watcher[demo]'"
        ) from missing
    return _Pymap(DictBackend, IMAPServer, IMAPService, ProxyProtocolReader)


class _Running:
    """pymap in a thread of its own, from `start()` to `stop()`."""

    def __init__(self, pymap: _Pymap, listener: socket.socket, server: DemoServer) -> None:
        self._pymap = pymap
        self._listener = listener
        self._server = server
        self._ready = threading.Event()
        self._problem: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="demo-imap", daemon=True)

    def start(self) -> None:
        """Return when connections are accepted; raise `DemoError` when that does not come about."""
        self._thread.start()
        if not self._ready.wait(_START_SECONDS) or self._problem is not None:
            raise DemoError(
                f"the demo's IMAP server did not start: {self._problem or 'no sign of life'}; "
                "is the pinned version of pymap installed (pip install 'newsletter-watcher[demo]')?"
            )

    def stop(self) -> None:
        """End the server and its connections."""
        if self._loop is not None and self._end is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(_START_SECONDS)

    def _run(self) -> None:
        # A handler of its own keeps the library's warnings off the terminal; the demo has a screen to tidy.
        logging.getLogger("pymap").addHandler(logging.NullHandler())
        try:
            asyncio.run(self._serve())
        except Exception as problem:  # noqa: BLE001  (handed over to the thread that waits in start())
            self._problem = problem
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        backend, config = await self._pymap.backend.init(_arguments(self._pymap, self._server))
        config.apply_context()
        # pymap's connections begin with an optional PROXY header; without a version, it reads none.
        reader = self._pymap.proxy_reader(config.proxy_protocol)
        connected = reader.get_callback(self._pymap.imap_server(backend.login, config))
        async with await asyncio.start_server(connected, sock=self._listener):
            self._ready.set()
            await self._end.wait()


def _arguments(pymap: _Pymap, server: DemoServer) -> Namespace:
    """Make the settings that pymap's own command line would have made."""
    parser = ArgumentParser()
    pymap.imap_service.add_arguments(parser)
    pymap.backend.add_subparser("dict", parser.add_subparsers(dest="backend"))
    return parser.parse_args(
        [
            *("--host", server.host, "--port", str(server.port), "--no-tls"),
            *("dict", f"--demo-user={server.username}", f"--demo-password={server.password}"),
        ],
        Namespace(debug=False, passlib_cfg=None, skip_services=[]),
    )


def _fill(server: DemoServer, mails: Iterable[bytes]) -> None:
    with imaplib.IMAP4(server.host, server.port, timeout=_START_SECONDS) as session:
        session.login(server.username, server.password)
        for mail in mails:
            status, answer = session.append("INBOX", "", imaplib.Time2Internaldate(_arrival(mail)), mail)
            if status != "OK":
                raise DemoError(f"the demo's IMAP server refused a sample: {answer!r}")


def _arrival(mail: bytes) -> datetime:
    """When the last server took the mail over: the date behind the last `;` of the topmost Received field."""
    received = str(BytesHeaderParser().parsebytes(mail)["Received"] or "")
    try:
        moment = parsedate_to_datetime(received.rpartition(";")[2])
    except ValueError:
        return utc_now()
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
