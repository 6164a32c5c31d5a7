"""One picture over HTTP, from an address that was looked at before it was connected to.

Made with the standard library: the address that was checked must be the one that the connection goes to, at
every redirect, and libraries that resolve names themselves, follow redirects, keep cookies and read proxies
from the environment have all of that to be turned off.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from watcher.images.addresses import is_public
from watcher.images.dimensions import dimensions
from watcher.message.sniffing import media_type_of

if TYPE_CHECKING:
    from collections.abc import Callable

MEDIA_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"})
MAX_BYTES: Final = 5 << 20
MAX_PIXELS: Final = 40_000_000
DEADLINE: Final = 20.0  # seconds for one picture, redirects included

_PIXEL: Final = 2  # a picture that measures no more than this is there to be counted
_REDIRECTS: Final = 3
_MOVED: Final = frozenset({301, 302, 303, 307, 308})  # RFC 9110, section 15.4
_PORTS: Final = {"http": 80, "https": 443}
_STEP: Final = 65_536  # bytes
# No cookie, no referrer, no language: nothing that one reader has and another has not.
_HEADERS: Final = {
    "User-Agent": "newsletter-watcher",
    "Accept": "image/webp,image/png,image/jpeg,image/gif",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


class Refused(Exception):  # noqa: N818  # it says what happened
    """No picture comes of it. The sentence says why and names neither host nor address."""

    @property
    def reason(self) -> str:
        """The sentence."""
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as it came."""

    media_type: str  # by its bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches pictures. `allowed` are addresses and ports beyond those of the public web: for tests alone."""

    allowed: frozenset[tuple[str, int]] = frozenset()
    deadline: float = DEADLINE
    trust: ssl.SSLContext | None = None  # None: the system's certificates

    def fetch(self, url: str, objection: Callable[[str], str] = lambda _: "") -> Image:
        """Ask for a picture once. Raises `Refused`.

        `objection` judges each address on the way, the first one too: a sentence, or nothing.
        """
        until = time.monotonic() + self.deadline
        try:
            for _ in range(_REDIRECTS + 1):
                if said := objection(url):
                    raise Refused(said)
                answer = self._ask(_parsed(url), until)
                if isinstance(answer, bytes):
                    return _image(answer)
                following = urljoin(url, answer)
                if url.startswith("https:") and not following.startswith("https:"):
                    raise Refused("it leads from a protected address to an open one")
                url = following
        except TimeoutError as error:
            raise Refused("there was no answer in time") from error
        # Its text may hold the host's name.
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Refused(f"the connection failed with {type(error).__name__}") from error
        raise Refused("it leads on and on")

    def _ask(self, url: SplitResult, until: float) -> bytes | str:
        """The body of the answer, or where it leads."""
        host, port = url.hostname or "", url.port or _PORTS[url.scheme]
        connection = http.client.HTTPConnection(host, port)
        line = connection.sock = self._connected(url.scheme, host, port, until)
        with line, closing(connection):
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("GET", target, headers=_HEADERS)
            with connection.getresponse() as response:
                if response.status in _MOVED:
                    return response.getheader("Location") or ""
                if response.status != http.client.OK:
                    raise Refused(f"the answer was {response.status}")
                return _body(response, line, until)

    def _connected(self, scheme: str, host: str, port: int, until: float) -> socket.socket:
        """A connection to an address that was looked at; no other name is asked for again."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for _, _, _, _, place in found:
            if (str(place[0]), port) not in self.allowed and (
                not is_public(str(place[0])) or port != _PORTS[scheme]
            ):
                # One such address among others is an attack as well: the next answer may hold it alone.
                raise Refused("its address is not one of the public web")
        last: OSError = OSError("no address")
        for family, kind, protocol, _, place in found:
            plain = socket.socket(family, kind, protocol)
            try:
                plain.settimeout(_left(until))
                plain.connect(place)
                if scheme == "http":
                    return plain
                trust = self.trust or ssl.create_default_context()
                return trust.wrap_socket(plain, server_hostname=host)
            except OSError as error:
                plain.close()
                last = error
        raise last


def _parsed(url: str) -> SplitResult:
    """The parts of a URL that may be asked for. Raises `Refused`, and `ValueError` for nonsense."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Refused("it is no address of the web")
    if parts.username is not None or parts.password is not None:
        raise Refused("its address holds a password")
    if any(char <= " " or char == "\x7f" for char in url) or not url.isascii():
        raise Refused("its address holds characters that no address has")
    return parts


def _body(response: http.client.HTTPResponse, line: socket.socket, until: float) -> bytes:
    announced = response.getheader("Content-Length") or ""
    if announced.isdecimal() and int(announced) > MAX_BYTES:
        raise Refused(f"it is larger than {MAX_BYTES >> 20} MB")
    pieces: list[bytes] = []
    size = 0
    while True:
        line.settimeout(_left(until))  # a sender who gives a byte a minute has no more time than others
        piece = response.read1(_STEP)
        if not piece:
            return b"".join(pieces)
        size += len(piece)
        if size > MAX_BYTES:
            raise Refused(f"it is larger than {MAX_BYTES >> 20} MB")
        pieces.append(piece)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _image(content: bytes) -> Image:
    media_type = media_type_of(content)
    if media_type not in MEDIA_TYPES:
        raise Refused("what came is no picture")
    size = dimensions(content)
    if size is None or size[0] * size[1] > MAX_PIXELS:
        raise Refused("what came is no picture that can be shown")
    if max(size) <= _PIXEL:
        raise Refused("what came is a pixel")
    return Image(media_type, content)
