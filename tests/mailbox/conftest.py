"""Accounts for the mailbox tests: against Dovecot, and against the scripted server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.certificates import Authority
from tests.support.fake_imap import FakeImap
from watcher.mailbox import Account, Security

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.dovecot import Dovecot, MailUser

PASSWORD = "open sesame"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make the authority that signs this process' good and bad certificates."""
    return Authority.create(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def fake() -> Iterator[FakeImap]:
    """Start a scripted server with nothing in it."""
    with FakeImap() as server:
        yield server


def account_at(port: int, **changes: Any) -> Account:
    """Return an account on a loopback server in plain text, with short ends."""
    account = Account(
        name="politics",
        host="127.0.0.1",
        port=port,
        security=Security.NONE,
        username="reader@example.org",
        password=lambda: PASSWORD,
        connect_timeout=5,
        read_timeout=5,
        command_timeout=5,
    )
    return replace(account, **changes)


@pytest.fixture
def account_of(dovecot: Dovecot) -> Callable[..., Account]:
    """Return what makes the account of a Dovecot user."""

    def make(user: MailUser, security: Security = Security.NONE, **changes: Any) -> Account:
        facts: dict[str, Any] = {
            "port": dovecot.tls_port if security is Security.TLS else dovecot.port,
            "security": security,
            "username": user.name,
            "password": lambda: user.password,
            "cafile": str(dovecot.cafile),
        }
        return account_at(**(facts | changes))

    return make
