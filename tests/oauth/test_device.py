"""The device flow: what is asked, how often, and how it ends (RFC 8628)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.oauth.conftest import NOW, client_at
from tests.support.fake_oauth import CLIENT_ID, SCOPE
from watcher.oauth import ClientRefused, EndpointBusy, OAuthError, SignInNeeded, device

if TYPE_CHECKING:
    from tests.support.fake_oauth import FakeProvider
    from watcher.oauth import Client, Token


def wait(client: Client, pauses: list[float] | None = None) -> Token:
    """Sign in without waiting for real; the pauses are noted."""
    noted = [] if pauses is None else pauses
    return device.wait(client, device.start(client), clock=lambda: NOW, pause=noted.append)


def test_the_code_is_asked_for_and_then_the_token(provider: FakeProvider, client: Client) -> None:
    """Sections 3.1 and 3.4; the answer to the first has what a person needs to see."""
    code = device.start(client)
    assert (code.address, code.user_code) == (f"{provider.url}/activate", "WDJB-MJHT")
    assert "made-up-device-code" not in repr(code)
    token = device.wait(client, code, clock=lambda: NOW, pause=lambda _: None)
    assert (token.access, token.refresh, token.obtained_at, token.expires_at) == (
        "access-1",
        "refresh-1",
        NOW,
        NOW + 3600,
    )
    assert [path for path, _ in provider.requests] == ["/device", "/token"]
    assert provider.requests[0][1] == {"client_id": CLIENT_ID, "scope": SCOPE}
    assert provider.requests[1][1]["grant_type"] == "urn:ietf:params:oauth:grant-type:device_code"
    assert provider.requests[1][1]["client_id"] == CLIENT_ID


def test_it_asks_at_the_pace_that_the_provider_gives(provider: FakeProvider, client: Client) -> None:
    """Section 3.5: five seconds more after `slow_down`, twice as long after no answer at all."""
    pending = (400, b'{"error": "authorization_pending"}')
    provider.answers += [provider.answer("/device", {"client_id": CLIENT_ID}), pending]
    provider.answers += [(400, b'{"error": "slow_down"}'), pending, (503, b""), pending]
    pauses: list[float] = []
    assert wait(client, pauses).access == "access-1"
    assert pauses == [5, 5, 10, 10, 20, 20]


ENDS: list[tuple[bytes, type[OAuthError], str]] = [
    (b'{"error": "access_denied"}', SignInNeeded, "was not allowed"),
    (b'{"error": "authorization_declined"}', SignInNeeded, "was not allowed"),
    (b'{"error": "expired_token"}', SignInNeeded, "not used in time"),
    (b'{"error": "invalid_grant"}', SignInNeeded, "revoked or has expired"),
    (b'{"error": "invalid_client"}', ClientRefused, "invalid_client"),
]


@pytest.mark.parametrize(("content", "kind", "says"), ENDS)
def test_a_refusal_ends_it(
    provider: FakeProvider, client: Client, content: bytes, kind: type[OAuthError], says: str
) -> None:
    """By the person, by time, or by the provider."""
    code = device.start(client)
    provider.answers.append((400, content))
    with pytest.raises(kind, match=says):
        device.wait(client, code, pause=lambda _: None)
    assert provider.grants() == ["device_code"]


def test_it_ends_when_the_code_does(provider: FakeProvider, client: Client) -> None:
    """A provider that says `authorization_pending` for ever is not asked for ever."""
    provider.pending = 1_000_000
    pauses: list[float] = []
    with pytest.raises(SignInNeeded, match="within the time"):
        wait(client, pauses)
    assert sum(pauses) == 900


CODES: list[tuple[dict[str, object], str]] = [
    ({}, "no usable device code"),
    ({"expires_in": "soon"}, "no usable device code"),
    ({"verification_uri": "javascript:alert(1)"}, "no usable address"),
    ({"verification_uri": "http://login.example.org/"}, "no usable address"),
    ({"verification_uri": "https://login.example.org/\x1b[2J"}, "no usable address"),
]


@pytest.mark.parametrize(("changes", "says"), CODES)
def test_an_answer_that_cannot_be_shown_is_none(
    provider: FakeProvider, client: Client, changes: dict[str, object], says: str
) -> None:
    """A person is sent to protected addresses only."""
    sound = {"device_code": "d", "user_code": "u", "verification_uri": "https://a/", "expires_in": 9}
    provider.answers.append((200, json.dumps({**sound, **changes} if changes else {}).encode()))
    with pytest.raises(EndpointBusy, match=says):
        device.start(client)


def test_googles_word_for_the_address(provider: FakeProvider, client: Client) -> None:
    """It says verification_url where the RFC says verification_uri."""
    answer = {
        "device_code": "d",
        "user_code": "u",
        "verification_url": "https://a.example.org/",
        "expires_in": 9,
    }
    provider.answers.append((200, json.dumps(answer).encode()))
    code = device.start(client)
    assert (code.address, code.interval) == ("https://a.example.org/", 5)


def test_a_provider_or_a_client_without_device_flow(provider: FakeProvider, client: Client) -> None:
    """Either has its sentence."""
    with pytest.raises(ClientRefused, match="no device flow"):
        device.start(client_at(provider, device=""))
    provider.answers.append(
        (400, b'{"error": "unauthorized_client", "error_description": "AADSTS7000218: x"}')
    )
    with pytest.raises(ClientRefused, match=r"\(unauthorized_client, AADSTS7000218\)"):
        device.start(client)


def test_a_token_that_cannot_be_renewed_is_none(provider: FakeProvider, client: Client) -> None:
    """The watcher runs for years."""
    code = device.start(client)
    provider.answers.append((200, b'{"access_token": "a"}'))
    with pytest.raises(SignInNeeded, match="cannot be renewed"):
        device.wait(client, code, pause=lambda _: None)
