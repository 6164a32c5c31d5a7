"""An inbox that logs in with tokens, over time: renewals, refusals, and what the back-off makes of them."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.fake_imap import FakeImap
from tests.support.fake_oauth import FakeProvider
from tests.support.home import mail
from tests.support.oauth_home import configure
from tests.support.token_door import TokenDoor
from watcher import settings
from watcher.mailbox import AuthenticationFailed, TemporarilyRefused, Unreachable
from watcher.service.backoff import Backoff
from watcher.service.inbox import account_of, poll_inbox
from watcher.settings import SecretError
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.home import Home
    from watcher.service.inbox import Pass


class World:
    """A watcher that has signed in, its mail server, and its provider."""

    def __init__(self, home: Home, fake: FakeImap, provider: FakeProvider) -> None:
        self.home, self.fake, self.provider = home, fake, provider
        self.path = configure(home, fake, provider)
        self.door = TokenDoor(fake, accepts="access-1")
        fake.add(1, mail())
        self._sign_in()

    def _sign_in(self) -> None:
        from watcher.oauth.grants import redeem_device_code
        from watcher.service.tokens import client_of, token_file

        (inbox,) = settings.load(self.home.config).inboxes
        token = redeem_device_code(client_of(inbox, {}), "made-up-device-code", datetime.now(UTC).timestamp())
        file = token_file(inbox)
        with file.locked(), file.replacing() as keep:
            keep(token)
        self.provider.requests.clear()

    def age(self) -> None:
        """Let an hour go by for the token."""
        kept = json.loads(self.path.read_text())
        kept["obtained_at"] -= 3600
        kept["expires_at"] -= 3600
        self.path.write_text(json.dumps(kept))

    def poll(self) -> Pass:
        """Look into the mailbox once."""
        (inbox,) = settings.load(self.home.config).inboxes
        with Vault.open(self.home.vault) as vault:
            return poll_inbox(inbox, vault, {})


@pytest.fixture
def world(home: Home) -> Iterator[World]:
    """Start everything."""
    with FakeImap() as fake, FakeProvider() as provider:
        yield World(home, fake, provider)


def test_mail_comes_in_with_a_token(world: World) -> None:
    """The token that is there is used, and no endpoint asked."""
    outcome = world.poll()
    assert (outcome.errors, outcome.polled.stored) == ((), 1)
    assert world.provider.requests == []


def test_a_token_that_has_ended_is_renewed_before_the_login(world: World) -> None:
    """So the server never sees an old one."""
    world.age()
    world.door.accepts = "access-2"
    assert world.poll().polled.stored == 1
    assert [b"access-1" in said for said in world.door.said] == [False]
    assert world.provider.grants() == ["refresh_token"]


def test_a_token_that_the_server_refuses_is_renewed_once(world: World) -> None:
    """The provider may end a token early: after a change of password, for one."""
    world.door.accepts = "access-2"
    assert world.poll().polled.stored == 1
    assert world.provider.grants() == ["refresh_token"]


def wait_after(error: Exception) -> timedelta:
    """Return how long the inbox is left alone after `error`."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    until = Backoff().after(error, now, random.Random(0)).not_before
    assert until is not None
    return until - now


def test_a_revoked_sign_in_is_one_line_and_a_long_wait(world: World) -> None:
    """No login is tried, the endpoint is asked once, and the line names the command."""
    world.age()
    world.provider.revoked = True
    (error,) = world.poll().errors
    assert isinstance(error, AuthenticationFailed)
    assert str(error) == (
        "inbox politics: the sign-in was revoked or has expired (invalid_grant, AADSTS700082); "
        "run `watcher auth google politics` again"
    )
    assert wait_after(error) >= timedelta(minutes=5)
    assert world.provider.grants() == ["refresh_token"]
    assert world.fake.commands == []
    (row,) = world.home.vault_rows("select last_error from mailboxes")
    assert "run `watcher auth google politics` again" in row["last_error"]


def test_tokens_that_the_server_never_takes_make_no_storm(world: World) -> None:
    """One renewal and two logins a poll, and polls are minutes apart."""
    world.door.accepts = ""
    (error,) = world.poll().errors
    assert isinstance(error, AuthenticationFailed)
    assert wait_after(error) >= timedelta(minutes=5)
    assert world.provider.grants() == ["refresh_token"]
    assert world.fake.count("AUTHENTICATE") == 2


def test_an_endpoint_that_is_busy_or_down_is_tried_again_soon(world: World) -> None:
    """Nobody has to act: seconds to minutes, not an hour."""
    world.age()
    world.provider.answers.append((503, b"busy"))
    (error,) = world.poll().errors
    assert isinstance(error, TemporarilyRefused)
    assert str(error).endswith("gave no usable answer (HTTP status 503); it is tried again later")
    assert wait_after(error) < timedelta(minutes=1)
    world.provider.stop()
    (error,) = world.poll().errors
    assert isinstance(error, Unreachable)
    assert wait_after(error) < timedelta(minutes=1)
    assert world.fake.commands == []


def test_a_refused_registration_names_the_settings(world: World) -> None:
    """A secret that has run out, at Microsoft's after two years at most."""
    world.age()
    world.provider.secret = "another"
    (error,) = world.poll().errors
    assert isinstance(error, AuthenticationFailed)
    assert "(invalid_client); check `client_id`, `client_secret` and `scope` of `oauth:`" in str(error)


def test_a_token_file_that_others_may_use_is_a_matter_of_settings(world: World) -> None:
    """It waits for a person, and says what to do."""
    world.path.chmod(0o644)
    (error,) = world.poll().errors
    assert isinstance(error, SecretError)
    assert "run `chmod 600 " in str(error)
    assert wait_after(error) >= timedelta(minutes=15)


def test_without_the_library_it_says_what_to_install(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra: inboxes with passwords need none of it."""
    monkeypatch.setattr("watcher.service.tokens.find_spec", lambda _: None)
    (error,) = world.poll().errors
    assert str(error) == "inbox politics: `oauth:` needs `pip install 'newsletter-watcher[oauth]'`"


def test_an_account_has_a_password_or_a_token(world: World, tmp_path: Path) -> None:
    """Never both."""
    (inbox,) = settings.load(world.home.config).inboxes
    account = account_of(inbox, {})
    assert account.password is None
    assert account.secret() == "access-1"
    world.home.configure(
        "inboxes:\n  - {name: p, host: imap.example.org, username: a, password: {env: SECRET}}\n"
    )
    (inbox,) = settings.load(world.home.config).inboxes
    account = account_of(inbox, {"SECRET": "word"})
    assert account.token is None
    assert account.secret() == "word"
