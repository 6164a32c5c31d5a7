"""A sender's server on loopback: answers as a table of its test says, and notes what it was asked."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Answer = tuple[int, dict[str, str], bytes]


class PictureServer:
    """Where it listens, what it answers by path, and the requests it had: path and headers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The address of a path here."""
        return f"http://{host}:{self.port}{path}"


@contextlib.contextmanager
def serving() -> Iterator[PictureServer]:
    """Answer on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked.append((self.path, dict(self.headers.items())))
            status, headers, body = here.answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever asked has seen enough
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = PictureServer(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def numeric_names(host: str, port: int, **_: object) -> list[Any]:
    """Resolve addresses in figures, and localhost, as `socket.getaddrinfo` does; nobody is asked."""
    with contextlib.suppress(ValueError):
        address = ip_address(host)
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        return [(family, socket.SOCK_STREAM, 6, "", (str(address), port))]
    if host == "localhost":
        return numeric_names("127.0.0.1", port)
    try:
        return numeric_names(socket.inet_ntoa(socket.inet_aton(host)), port)  # 127.1, 0x7f000001, 2130706433
    except OSError as error:
        raise socket.gaierror(socket.EAI_NONAME, "no such name") from error
