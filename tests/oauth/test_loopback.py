"""The loopback flow: what the browser is sent with, what it may bring, and what is handed over by hand."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import replace
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.oauth.conftest import NOW, client_at
from tests.support.fake_oauth import CLIENT_ID, SCOPE
from watcher.oauth import ClientRefused, SignInNeeded
from watcher.oauth.loopback import LoopbackSignIn

if TYPE_CHECKING:
    from tests.support.fake_oauth import FakeProvider
    from watcher.oauth import Client


def test_the_browser_is_sent_with_a_challenge_and_a_state(provider: FakeProvider, client: Client) -> None:
    """RFC 6749, section 4.1.1; RFC 7636, section 4.3; the provider's own parameters are added."""
    client = replace(
        client,
        endpoints=replace(client.endpoints, parameters=(("access_type", "offline"), ("prompt", "consent"))),
    )
    with LoopbackSignIn(client, login_hint="reader@example.org") as signing:
        asked = dict(parse_qsl(urlsplit(signing.address).query))
        assert signing.address.startswith("https://login.example.org/authorize?")
        assert len(asked.pop("state")) >= 30
        assert len(asked.pop("code_challenge")) == 43
        assert asked == {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": signing.redirect,
            "scope": SCOPE,
            "code_challenge_method": "S256",
            "login_hint": "reader@example.org",
            "access_type": "offline",
            "prompt": "consent",
        }
    assert provider.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_browser_brings_the_code(provider: FakeProvider, host: str) -> None:
    """It is exchanged with the verifier, and the person is told that the page can be closed."""
    with LoopbackSignIn(client_at(provider, redirect_host=host)) as signing:
        assert signing.redirect.startswith(f"http://{host}:")
        status, text = provider.sign_in(signing.address)
        token = signing.wait(seconds=10, clock=lambda: NOW)
    assert (status, token.access, token.refresh, token.obtained_at) == (200, "access-1", "refresh-1", NOW)
    assert "can be closed" in text
    assert "code" not in text
    form = provider.requests[0][1]
    assert form["grant_type"] == "authorization_code"
    assert form["redirect_uri"] == signing.redirect
    assert 43 <= len(form["code_verifier"]) <= 128


def test_a_person_who_refuses(provider: FakeProvider, client: Client) -> None:
    """The provider says so in the address; nothing is asked for."""
    with LoopbackSignIn(client) as signing:
        provider.sign_in(signing.address, error="access_denied")
        with pytest.raises(SignInNeeded, match="was not allowed"):
            signing.wait(seconds=10)
    assert provider.requests == []


def test_what_does_not_belong_to_the_sign_in_is_passed_over(provider: FakeProvider, client: Client) -> None:
    """Another state, no state, a favicon: none of it ends the waiting, or reaches the provider."""
    with LoopbackSignIn(client) as signing:
        assert provider.sign_in(signing.address, state="forged")[0] == 404
        assert provider.sign_in(signing.address, state="forged", error="access_denied")[0] == 404
        port = urlsplit(signing.redirect).port
        for target in ("/favicon.ico", "/", "/?code=forged", "/?error=access_denied", "//[", "*"):
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", target)
            assert connection.getresponse().status == 404
            connection.close()
        assert provider.requests == []
        provider.sign_in(signing.address)
        assert signing.wait(seconds=10).access == "access-1"


def test_a_connection_that_a_browser_only_opens_does_not_block(
    provider: FakeProvider, client: Client
) -> None:
    """Browsers open some in advance."""
    with LoopbackSignIn(client) as signing:
        port = urlsplit(signing.redirect).port
        with socket.create_connection(("127.0.0.1", port or 0)):
            provider.sign_in(signing.address)
            assert signing.wait(seconds=10).access == "access-1"


def test_the_address_can_be_pasted(provider: FakeProvider, client: Client) -> None:
    """In pieces, behind lines that are something else, and without the browser ever coming back."""
    reading, writing = os.pipe()
    try:
        with LoopbackSignIn(client) as signing:
            address = provider.redirect_of(signing.address)
            forged = provider.redirect_of(signing.address, state="forged")
            os.write(writing, f"what?\n{forged}\n  {address[:30]}".encode())
            threading.Timer(0.05, os.write, (writing, f"{address[30:]}\r\n".encode())).start()
            assert signing.wait(pasted=reading, seconds=10).access == "access-1"
    finally:
        os.close(reading)
        os.close(writing)


def test_the_last_line_of_a_file_needs_no_end(provider: FakeProvider, client: Client) -> None:
    """And the end of the input is not the end of the waiting."""
    for end in ("", "\n"):
        reading, writing = os.pipe()
        with LoopbackSignIn(client) as signing:
            os.write(writing, (provider.redirect_of(signing.address) + end).encode())
            os.close(writing)
            assert signing.wait(pasted=reading, seconds=10).access.startswith("access-")
        os.close(reading)
    reading, writing = os.pipe()
    os.close(writing)
    with LoopbackSignIn(client) as signing:
        provider.sign_in(signing.address)
        assert signing.wait(pasted=reading, seconds=10).access == "access-3"
    os.close(reading)


def test_it_waits_only_so_long(client: Client) -> None:
    """A person may have gone away."""
    with LoopbackSignIn(client) as signing, pytest.raises(SignInNeeded, match="nobody has signed in"):
        signing.wait(seconds=0.01)


def test_a_code_that_somebody_else_had_is_worth_nothing(provider: FakeProvider, client: Client) -> None:
    """Without the verifier of its own sign-in a code is refused (RFC 7636, section 1)."""
    with LoopbackSignIn(client) as first, LoopbackSignIn(client) as second:
        stolen = dict(parse_qsl(urlsplit(provider.redirect_of(first.address)).query))["code"]
        state = dict(parse_qsl(urlsplit(second.address).query))["state"]
        connection = HTTPConnection("127.0.0.1", urlsplit(second.redirect).port, timeout=10)
        connection.request("GET", f"/?code={stolen}&state={state}")
        connection.getresponse().read()
        connection.close()
        with pytest.raises(SignInNeeded):
            second.wait(seconds=10)


def test_a_port_in_use_is_named(provider: FakeProvider, client: Client) -> None:
    """It was asked for by name, so another will not do."""
    with LoopbackSignIn(client) as signing:
        port = urlsplit(signing.redirect).port or 0
        with pytest.raises(ClientRefused, match=f"port {port} of 127.0.0.1 cannot be used"):
            LoopbackSignIn(client, port=port)
    with pytest.raises(ClientRefused, match="no authorization endpoint"):
        LoopbackSignIn(client_at(provider, authorization=""))


def test_the_port_is_open_to_this_machine_only(client: Client) -> None:
    """RFC 8252, section 8.3."""
    with LoopbackSignIn(client) as signing:
        assert signing._server.server_address[0] == "127.0.0.1"


def test_nothing_is_printed(
    provider: FakeProvider, client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    """The request line has the code in it."""
    with LoopbackSignIn(client) as signing:
        provider.sign_in(signing.address)
        signing.wait(seconds=10)
    assert capfd.readouterr() == ("", "")
