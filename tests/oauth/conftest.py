"""A provider, a registration with it, and a token file for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fake_oauth import CLIENT_ID, CLIENT_SECRET, SCOPE, FakeProvider
from watcher.oauth import Client, Endpoints, Token, TokenFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_800_000_000.0


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """Start a provider."""
    with FakeProvider() as server:
        yield server


@pytest.fixture
def client(provider: FakeProvider) -> Client:
    """Register with it."""
    return client_at(provider)


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    """Name a token file that is not there yet."""
    return TokenFile(tmp_path / "tokens" / "politics.json")


def client_at(provider: FakeProvider, **changes: Any) -> Client:
    """Return a registration; keywords change what is known of the endpoints."""
    endpoints: dict[str, Any] = {
        "token": f"{provider.url}/token",
        "authorization": "https://login.example.org/authorize",
        "device": f"{provider.url}/device",
        "scope": SCOPE,
    }
    return Client(CLIENT_ID, lambda: CLIENT_SECRET, Endpoints(**(endpoints | changes)))


def signed_in(provider: FakeProvider, file: TokenFile, *, lifetime: float = 3600) -> Token:
    """Keep a token that the provider knows, had at `NOW`."""
    from dataclasses import replace

    from watcher.oauth.grants import redeem_device_code

    token = redeem_device_code(client_at(provider), "made-up-device-code", NOW)
    token = replace(token, expires_at=NOW + lifetime)
    keep(file, token)
    provider.requests.clear()
    return token


def keep(file: TokenFile, token: Token) -> None:
    """Write a token as the commands do."""
    with file.locked(), file.replacing() as write:
        write(token)
