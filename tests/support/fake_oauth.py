"""An OAuth provider on loopback: token endpoint, device endpoint, and a person who signs in at once.

It gives `access-1`, `access-2` ... and, with `rotate`, a new refresh token each time. With `strict` a refresh
token that was used before revokes everything, as RFC 9700, section 4.14.2, recommends. A test can replace
answers:

    with FakeProvider() as provider:
        provider.answers.append((503, b"busy"))
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT_ID = "made-up-client"
CLIENT_SECRET = "made-up-client-secret"
SCOPE = "https://mail.example.org/imap offline_access"


class FakeProvider:
    """The provider; a context manager."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []  # path and form of each, in order
        self.answers: list[tuple[int, bytes]] = []  # for the next requests, in place of its own
        self.before_answer: Callable[[str], None] = lambda _: None
        self.secret = CLIENT_SECRET
        self.scope = "https://mail.example.org/imap"  # what it grants
        self.expires_in: Any = 3600
        self.rotate = self.strict = False
        self.interval = 5.0
        self.pending = 0  # questions about a device code before the person has signed in
        self.revoked = False
        self.issued = 0
        self._good: set[str] = set()  # refresh tokens
        self._used: set[str] = set()
        self._codes: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Be down from now on."""
        self._server.shutdown()
        self._server.server_close()

    def grants(self) -> list[str]:
        """Return the grant types that the token endpoint was asked for."""
        return [form["grant_type"].rpartition(":")[2] for path, form in self.requests if path == "/token"]

    def sign_in(self, address: str, *, error: str = "", state: str | None = None) -> tuple[int, str]:
        """Be the person and the browser at `address`; return the status and text of the last page."""
        target = urlsplit(self.redirect_of(address, error=error, state=state))
        connection = HTTPConnection("127.0.0.1", target.port, timeout=10)
        connection.request("GET", f"{target.path or '/'}?{target.query}")
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text

    def redirect_of(self, address: str, *, error: str = "", state: str | None = None) -> str:
        """Return where the provider sends the browser after the person has allowed or refused."""
        asked = dict(parse_qsl(urlsplit(address).query))
        answer = {"state": asked["state"] if state is None else state}
        if error:
            answer["error"] = error
        else:
            answer["code"] = f"code-{len(self._codes) + 1}"
            self._codes[answer["code"]] = asked
        return f"{asked['redirect_uri']}/?{urlencode(answer)}"

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, bytes]:
        """Answer one request."""
        with self._lock:
            self.requests.append((path, form))
            if self.answers:
                return self.answers.pop(0)
            if form.get("client_id") != CLIENT_ID:
                return _error("invalid_client")
            if path == "/device":
                return self._device_code()
            if form.get("client_secret", "") != self.secret:
                return _error("invalid_client", status=401)
            return self._granted(form)

    def _granted(self, form: dict[str, str]) -> tuple[int, bytes]:
        match form["grant_type"]:
            case "refresh_token":
                return self._refreshed(form["refresh_token"])
            case "authorization_code":
                asked = self._codes.pop(form["code"], None)
                digest = hashlib.sha256(form["code_verifier"].encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
                if (
                    asked is None
                    or asked["code_challenge_method"] != "S256"
                    or asked["code_challenge"] != challenge
                    or asked["redirect_uri"] != form["redirect_uri"]
                ):
                    return _error("invalid_grant")
            case _:
                if form["device_code"] != "made-up-device-code":
                    return _error("invalid_grant")
                if self.pending:
                    self.pending -= 1
                    return _error("authorization_pending")
        return self._token()

    def _refreshed(self, token: str) -> tuple[int, bytes]:
        if token in self._used and self.strict:
            self.revoked = True
        if self.revoked or token not in self._good:
            return _error("invalid_grant", "AADSTS700082: The token of reader@example.org has expired.")
        if self.rotate:
            self._good.discard(token)
            self._used.add(token)
            return self._token()
        return self._token(refresh=False)

    def _token(self, *, refresh: bool = True) -> tuple[int, bytes]:
        self.issued += 1
        answer = {
            "access_token": f"access-{self.issued}",
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "scope": self.scope,
        }
        if refresh:
            answer["refresh_token"] = f"refresh-{self.issued}"
            self._good.add(answer["refresh_token"])
        return 200, json.dumps({key: value for key, value in answer.items() if value is not None}).encode()

    def _device_code(self) -> tuple[int, bytes]:
        answer = {
            "device_code": "made-up-device-code",
            "user_code": "WDJB-MJHT",
            "verification_uri": f"{self.url}/activate",
            "expires_in": 900,
            "interval": self.interval,
        }
        return 200, json.dumps(answer).encode()


def _error(code: str, description: str = "", *, status: int = 400) -> tuple[int, bytes]:
    return status, json.dumps({"error": code, "error_description": description}).encode()


def _handler(provider: FakeProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {key: values[0] for key, values in parse_qs(content, keep_blank_values=True).items()}
            status, answer = provider.answer(self.path, form)
            provider.before_answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return Handler
