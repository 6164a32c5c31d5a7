"""One request: where it may go, how long it may take, and what is known of the providers."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.support.certificates import Authority
from watcher.oauth import ClientRefused, EndpointBusy, EndpointUnreachable, Flow, known_endpoints
from watcher.oauth.endpoint import post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.org/token",
        "http://127.0.0.1.example.org/",
        "ftp://localhost/",
        "file:///etc/passwd",
    ],
)
def test_secrets_go_nowhere_unprotected(url: str) -> None:
    """Plain HTTP is for this machine."""
    with pytest.raises(ClientRefused, match="no secret is sent to"):
        post(url, "a=b")


@pytest.fixture
def raw() -> Iterator[Callable[[list[bytes]], str]]:
    """Start servers that answer with these pieces and then keep the connection open."""
    listeners: list[socket.socket] = []
    over = threading.Event()

    def serve(listener: socket.socket, pieces: list[bytes]) -> None:
        with suppress(OSError):
            sock, _ = listener.accept()
            with sock:
                sock.recv(65_536)
                for piece in pieces:
                    sock.sendall(piece)
                    if over.wait(0.02):
                        return
                if pieces:
                    over.wait(10)

    def start(pieces: list[bytes]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=serve, args=(listener, pieces), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/token"

    yield start
    over.set()
    for each in listeners:
        each.close()


def test_an_answer_that_drips_has_an_end(raw: Callable[[list[bytes]], str]) -> None:
    """The timeout of a socket is for one silence, and would never come."""
    for version in (b"1.1", b"1.0"):
        head = b"HTTP/" + version + b" 200 OK\r\nContent-Length: 1000\r\n\r\n"
        with pytest.raises(EndpointUnreachable, match="did not answer in time"):
            post(raw([head, *[b" "] * 1000]), "a=b", seconds=0.3)
    with pytest.raises(EndpointUnreachable, match="did not answer in time"):
        post(raw([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 1000]), "a=b", seconds=0.3)


def test_an_endpoint_that_hangs_up_or_speaks_something_else(raw: Callable[[list[bytes]], str]) -> None:
    """Neither is a decision about the token."""
    with pytest.raises((EndpointBusy, EndpointUnreachable), match=r"127\.0\.0\.1"):
        post(raw([]), "a=b")
    with pytest.raises(EndpointBusy, match="answered with nonsense"):
        post(raw([b"* OK IMAP4rev1 ready\r\n"]), "a=b")


def test_a_silent_endpoint(raw: Callable[[list[bytes]], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One silence has an end too."""
    monkeypatch.setattr("watcher.oauth.endpoint._SECONDS", 0.1)
    with pytest.raises(EndpointUnreachable, match="did not answer in time"):
        post(raw([b"HTTP/1.1 200 OK\r\n"]), "a=b")


def test_a_name_that_does_not_exist() -> None:
    """It may exist again later."""
    with pytest.raises(EndpointUnreachable, match=r"login\.invalid cannot be reached"):
        post("https://login.invalid/token", "a=b")


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    """Nothing is posted to whoever that is."""
    certificate = Authority.create(tmp_path).issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    received: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            sock, _ = listener.accept()
            with context.wrap_socket(sock, server_side=True) as secured:
                received.append(secured.recv(1))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        with pytest.raises(EndpointUnreachable, match="the certificate of localhost is not valid"):
            post(f"https://localhost:{listener.getsockname()[1]}/token", "a=b")
        thread.join(10)
    assert received == []


def test_no_proxy_gets_to_see_a_secret(
    raw: Callable[[list[bytes]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the environment names: the only connection is to the endpoint."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + b'{"a": 1} '
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    assert post(raw([answer]), "a=b") == {"a": 1}


def test_what_is_known_of_google() -> None:
    """Its device flow has no scope for mail, so the browser comes back here."""
    known = known_endpoints("google")
    assert (known.flow, known.scope, known.redirect_host) == (
        Flow.LOOPBACK,
        "https://mail.google.com/",
        "127.0.0.1",
    )
    assert dict(known.parameters) == {"access_type": "offline", "prompt": "consent"}
    assert known.token == "https://oauth2.googleapis.com/token"


@pytest.mark.parametrize(("tenant", "path"), [("", "common"), ("example.org", "example.org")])
def test_what_is_known_of_microsoft(tenant: str, path: str) -> None:
    """The tenant is in the endpoints; `offline_access` gives a refresh token."""
    known = known_endpoints("microsoft", tenant)
    base = f"https://login.microsoftonline.com/{path}/oauth2/v2.0"
    assert (known.flow, known.redirect_host) == (Flow.DEVICE, "localhost")
    assert known.scope.split() == ["https://outlook.office.com/IMAP.AccessAsUser.All", "offline_access"]
    assert (known.token, known.device) == (f"{base}/token", f"{base}/devicecode")
    assert known.authorization == f"{base}/authorize"


def test_another_provider_is_not_known() -> None:
    """Its endpoints are in the settings."""
    with pytest.raises(KeyError):
        known_endpoints("other")
