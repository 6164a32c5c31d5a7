"""The loopback flow: the browser comes back to a port of this machine (RFC 8252, section 7.3).

What the browser brings is worth nothing to anybody else: the code is bound to a verifier that never leaves
this process (PKCE, RFC 7636), and `state` ties it to this sign-in (RFC 6749, section 10.12). Where the
browser runs on another machine, the address that it ends at can be handed over by hand.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from oauthlib.oauth2.rfc6749.errors import MismatchingStateError

from watcher.oauth.errors import ClientRefused, OAuthError, SignInNeeded
from watcher.oauth.grants import Refused, redeem_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from watcher.oauth.client import Client
    from watcher.oauth.token import Token

SECONDS = 900.0
"""How long a person may take."""

_VERIFIER = 64  # characters: RFC 7636, section 4.1, allows 43 to 128
_HEADER_SECONDS = 5.0  # browsers open connections that they then do not use
_LONGEST_LINE = 65_536
_DONE = "Thank you. This page can be closed; the watcher goes on by itself."
_STRAY = "This is not the answer to the sign-in that is waiting."


@dataclass(frozen=True, slots=True)
class _Request:
    """One sign-in: what was asked, and how to know its answer."""

    client: WebApplicationClient
    redirect: str
    address: str
    verifier: str = field(repr=False)
    state: str = field(repr=False)

    @classmethod
    def make(cls, client: Client, redirect: str, login_hint: str) -> Self:
        web = WebApplicationClient(client.client_id)
        verifier = web.create_code_verifier(_VERIFIER)
        state = web.state_generator()
        address = web.prepare_request_uri(
            client.endpoints.authorization,
            redirect_uri=redirect,
            scope=client.endpoints.scope,
            state=state,
            code_challenge=web.create_code_challenge(verifier, "S256"),
            code_challenge_method="S256",
            login_hint=login_hint,
            **dict(client.endpoints.parameters),
        )
        return cls(web, redirect, address, verifier, state)

    def code(self, address: str) -> str | None:
        """Return the code in the address that the browser ended at; None when it answers something else.

        Raises `SignInNeeded` when the person or the provider said no.
        """
        try:
            # oauthlib insists on https, which a loopback address need not have (RFC 8252, section 8.3).
            query = urlsplit(address.strip()).query
            found = self.client.parse_request_uri_response(f"https://localhost/?{query}", state=self.state)
        except MismatchingStateError:
            return None
        except OAuth2Error as error:
            raise Refused(str(error.error)).meaning() from None
        except ValueError:
            return None
        return str(found["code"])


class LoopbackSignIn:
    """One sign-in. A context manager: the port is open inside; `address` is what the browser shall open."""

    def __init__(self, client: Client, *, login_hint: str = "", port: int = 0) -> None:
        if not client.endpoints.authorization:
            raise ClientRefused("this provider has no authorization endpoint")
        self._client = client
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        except OSError as error:
            raise ClientRefused(f"port {port} of 127.0.0.1 cannot be used: {error.strerror}") from None
        self._server.daemon_threads = True
        redirect = f"http://{client.endpoints.redirect_host}:{self._server.server_port}"
        self._request = _Request.make(client, redirect, login_hint)
        self._awake, self._wake = socket.socketpair()
        self._lock = threading.Lock()
        self._brought: str | OAuthError | None = None  # by the browser: the code, or why there is none
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return self._request.address

    @property
    def redirect(self) -> str:
        """How the address begins that the browser ends at."""
        return self._request.redirect

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._awake.close()
        self._wake.close()

    def wait(
        self,
        *,
        pasted: int | None = None,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> Token:
        """Return the token once the person has signed in.

        `pasted` is a file descriptor (a terminal's) on which the address may be handed over as a line. Raises
        `SignInNeeded` when that was refused or did not happen in time, or another `OAuthError`.
        """
        code = self._code(pasted, time.monotonic() + seconds)
        return redeem_code(self._client, code, self._request.redirect, self._request.verifier, clock())

    def _code(self, pasted: int | None, deadline: float) -> str:
        awake = self._awake.fileno()
        sources = [awake] if pasted is None else [awake, pasted]
        typed = b""
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select(sources, [], [], left)
            if awake in ready:
                if isinstance(self._brought, str):
                    return self._brought
                raise self._brought or SignInNeeded("nobody has signed in")
            if pasted in ready and pasted is not None:
                # Not through sys.stdin: what that keeps in its buffer, select does not see.
                piece = os.read(pasted, _LONGEST_LINE)
                if not piece:
                    sources = [awake]
                *lines, typed = (typed + (piece or b"\n")).split(b"\n")
                for line in lines:
                    code = self._request.code(line.decode("utf-8", "replace"))
                    if code is not None:
                        return code
        raise SignInNeeded("nobody has signed in within the time")

    def _take(self, target: str) -> bool:
        """Keep the first answer to this sign-in; tell whether `target` is one."""
        brought: str | OAuthError | None
        try:
            brought = self._request.code(target)
        except OAuthError as error:
            brought = error
        if brought is None:
            return False
        with self._lock:
            if self._brought is None:
                self._brought = brought
                with suppress(OSError):  # nobody waits any more
                    self._wake.send(b"!")
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            timeout = _HEADER_SECONDS

            def do_GET(self) -> None:
                ours = take(self.path)
                content = (_DONE if ours else _STRAY).encode()
                self.send_response(HTTPStatus.OK if ours else HTTPStatus.NOT_FOUND)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("Referrer-Policy", "no-referrer")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Write no log: the request line holds the code."""

        return Handler
