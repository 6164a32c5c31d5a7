"""One request to an endpoint: a form is posted, a JSON object comes back (RFC 6749, sections 3.2 and 5).

No redirect is followed, no cookie kept, no proxy used: what is posted are secrets. Plain HTTP goes to this
machine only.
"""

from __future__ import annotations

import http.client
import json
import ssl
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from watcher.deadline import Deadline
from watcher.oauth.errors import ClientRefused, EndpointBusy, EndpointUnreachable

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from urllib.parse import SplitResult

_SECONDS = 15.0  # for one step: the connection, the handshake, one silence
_ALL_SECONDS = 30.0  # for the answer as a whole
_MOST_BYTES = 1_000_000
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def post(url: str, form: str, *, seconds: float = _ALL_SECONDS) -> dict[str, Any]:
    """Post an encoded form and return the JSON object of the answer, which may be a refusal (4xx).

    Raises `EndpointUnreachable`, `EndpointBusy`, and `ClientRefused` for an address that no secret may go to.
    """
    parts = urlsplit(url)
    where = parts.hostname or ""
    connection = _connection(parts)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.connect()
        with _ending(connection.sock, seconds):
            connection.request("POST", target, form.encode(), headers)
            with connection.getresponse() as response:
                content = response.read(_MOST_BYTES + 1)
            status = response.status
    except ssl.SSLCertVerificationError as error:
        raise EndpointUnreachable(
            f"the certificate of {where} is not valid: {error.verify_message}"
        ) from None
    except TimeoutError:
        raise EndpointUnreachable(f"{where} did not answer in time") from None
    except OSError as error:
        raise EndpointUnreachable(
            f"{where} cannot be reached: {error.strerror or 'the connection was closed'}"
        ) from None
    except (http.client.HTTPException, ValueError):  # without the cause: its text may quote the answer
        raise EndpointBusy(f"{where} answered with nonsense") from None
    finally:
        connection.close()
    return _answer(where, status, content)


@contextmanager
def _ending(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` when the block takes longer: its connection is cut then."""
    deadline = Deadline(sock, seconds)
    try:
        with deadline:
            yield
    finally:
        if deadline.expired:
            raise TimeoutError from None


def _answer(where: str, status: int, content: bytes) -> dict[str, Any]:
    values: Any = None
    if status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _LATER and len(content) <= _MOST_BYTES:
        with suppress(ValueError, RecursionError):
            values = json.loads(content)
    if not isinstance(values, dict) or (status != HTTPStatus.OK and "error" not in values):
        raise EndpointBusy(f"{where} gave no usable answer (HTTP status {status})")
    return values


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=_SECONDS, context=context)
    if parts.scheme == "http" and host in _LOOPBACK:
        return http.client.HTTPConnection(host, parts.port, timeout=_SECONDS)
    raise ClientRefused(f"no secret is sent to {parts.scheme}://{host}: an endpoint begins with https://")
