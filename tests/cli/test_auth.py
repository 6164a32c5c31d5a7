"""`watcher auth`: a person signs in, the token is kept, and the login is tried."""

from __future__ import annotations

import json
import re
import webbrowser
from typing import TYPE_CHECKING

import pytest

from tests.support.fake_imap import FakeImap
from tests.support.fake_oauth import CLIENT_SECRET, FakeProvider
from tests.support.home import ended
from tests.support.oauth_home import configure
from tests.support.token_door import TokenDoor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.home import Home


@pytest.fixture
def fake() -> Iterator[FakeImap]:
    """Start an IMAP server that takes the first token."""
    with FakeImap() as server:
        TokenDoor(server, accepts="access-1")
        yield server


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """Start a provider."""
    with FakeProvider() as server:
        server.interval = 0.01
        yield server


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, provider: FakeProvider) -> list[str]:
    """Let the browser sign in at once; return the addresses that it opened."""
    opened: list[str] = []

    def open_(address: str) -> bool:
        opened.append(address)
        if address.startswith("https://login.example.org/authorize"):
            provider.sign_in(address)
        return True

    monkeypatch.setattr(webbrowser, "open", open_)
    monkeypatch.setenv("DISPLAY", ":0")
    return opened


def kept(path: Path) -> dict[str, object]:
    """Return the content of the token file."""
    found: dict[str, object] = json.loads(path.read_text())
    return found


def test_google_by_the_browser(
    home: Home, fake: FakeImap, provider: FakeProvider, browser: list[str]
) -> None:
    """The address is opened and shown; the token lies beside the vault; the mailbox takes it."""
    path = configure(home, fake, provider)
    outcome = home.run("auth", "google", "politics")
    assert outcome.code == 0, outcome.err
    assert browser[0] in outcome.out
    assert "login_hint=reader%40example.org" in browser[0]
    assert "access_type=offline" in browser[0]
    assert f"signed in; the token is kept in {path} and renewed by itself\n" in outcome.out
    assert outcome.out.endswith("inbox politics: the login works\n")
    assert (kept(path)["access"], kept(path)["refresh"]) == ("access-1", "refresh-1")


def test_microsoft_by_a_code(home: Home, fake: FakeImap, provider: FakeProvider, browser: list[str]) -> None:
    """The code is shown, and asked about until the person is through."""
    path = configure(home, fake, provider, name="microsoft")
    provider.pending = 2
    outcome = home.run("auth", "microsoft", "politics")
    assert outcome.code == 0, outcome.err
    assert "    WDJB-MJHT\n" in outcome.out
    assert browser == [f"{provider.url}/activate"]
    assert provider.grants() == ["device_code"] * 3
    assert kept(path)["access"] == "access-1"


def test_another_flow_can_be_asked_for(
    home: Home, fake: FakeImap, provider: FakeProvider, browser: list[str]
) -> None:
    """Many organizations forbid the device flow: there the browser does it, by Microsoft's name for it."""
    configure(home, fake, provider, name="microsoft")
    outcome = home.run("auth", "microsoft", "politics", "--flow", "loopback")
    assert outcome.code == 0, outcome.err
    assert "redirect_uri=http%3A%2F%2Flocalhost%3A" in browser[0]


def test_another_provider(home: Home, fake: FakeImap, provider: FakeProvider, browser: list[str]) -> None:
    """All that it needs is in the settings."""
    path = configure(home, fake, provider, name="other", more="      token_file: tokens/here.json")
    path = home.config.parent / "tokens" / "here.json"
    outcome = home.run("auth", "other", "politics", "--no-browser")
    assert outcome.code == 0, outcome.err
    assert browser == []
    assert kept(path)["access"] == "access-1"


def test_on_a_machine_without_a_browser(home: Home, fake: FakeImap, provider: FakeProvider) -> None:
    """The address is printed, nothing is opened; nothing secret is printed or in the list of processes."""
    configure(home, fake, provider)
    with ended(home.start("auth", "google", "politics", "--no-browser")) as process:
        assert process.stdout is not None
        shown = ""
        while "paste it here" not in shown:
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
            shown += line
        found = re.search(r"https://login\.example\.org/\S+", shown)
        assert found is not None
        provider.sign_in(found[0])
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    for secret in (
        "access-1",
        "refresh-1",
        CLIENT_SECRET,
        "code-1",
        provider.requests[0][1]["code_verifier"],
    ):
        assert secret not in shown + out + err + " ".join(process.args)  # type: ignore[arg-type]


def test_a_person_who_refuses(home: Home, fake: FakeImap, provider: FakeProvider, browser: list[str]) -> None:
    """One line, and no file."""
    path = configure(home, fake, provider, name="microsoft")
    provider.answers += [
        provider.answer("/device", {"client_id": "made-up-client"}),
        (400, b'{"error": "authorization_declined"}'),
    ]
    outcome = home.run("auth", "microsoft", "politics")
    assert outcome.code == 1
    assert outcome.err == (
        "watcher: inbox politics: the access was not allowed (authorization_declined); "
        "run `watcher auth microsoft politics`\n"
    )
    assert not path.exists()


def test_the_wrong_permission(home: Home, fake: FakeImap, provider: FakeProvider, browser: list[str]) -> None:
    """A person can untick the access to mail: such a token is not kept."""
    path = configure(home, fake, provider)
    provider.scope = "openid"
    outcome = home.run("auth", "google", "politics")
    assert outcome.code == 1
    assert "the access to mail was not granted (scope https://mail.example.org/imap)" in outcome.err
    assert not path.exists()


def test_the_wrong_account(home: Home, fake: FakeImap, provider: FakeProvider, browser: list[str]) -> None:
    """The login tells at once, not the log of a night later."""
    configure(home, fake, provider)
    TokenDoor(fake, accepts="of another account")
    outcome = home.run("auth", "google", "politics")
    assert outcome.code == 1
    assert "FAILED: inbox politics" in outcome.err
    assert "as the account of `username:`" in outcome.err


def test_what_went_wrong_decides_the_exit_code(
    home: Home, fake: FakeImap, provider: FakeProvider, browser: list[str]
) -> None:
    """75: the provider is down. 78: the registration is wrong."""
    configure(home, fake, provider, name="microsoft")
    provider.answers.append((503, b""))
    assert home.run("auth", "microsoft", "politics").code == 75
    provider.secret = "another"
    outcome = home.run("auth", "microsoft", "politics")
    assert outcome.code == 78
    assert "refuses this client or what it asks for (invalid_client); check `client_id`" in outcome.err
    provider.stop()
    assert home.run("auth", "microsoft", "politics").code == 75


USAGE = [
    (("google", "nowhere"), "there is no inbox `nowhere`"),
    (("microsoft", "politics"), "inbox politics has `oauth: {provider: google}`"),
    (("google", "plain"), "inbox plain logs in with a password"),
    (("yahoo", "politics"), "is not one of"),
]


@pytest.mark.parametrize(("arguments", "says"), USAGE)
def test_a_command_that_does_not_fit_the_settings(
    home: Home, fake: FakeImap, provider: FakeProvider, arguments: tuple[str, str], says: str
) -> None:
    """Exit code 2, and what there is."""
    plain = "  - {name: plain, host: imap.example.org, username: a, password: {env: P}}"
    configure(home, fake, provider, more=plain)
    outcome = home.run("auth", *arguments)
    assert outcome.code == 2
    assert says in " ".join(outcome.err.split())


def test_settings_without_a_registration(home: Home) -> None:
    """It says what is missing; `check` does so too."""
    home.configure(
        "inboxes:\n  - {name: politics, host: imap.example.org, username: a, oauth: {provider: google}}\n"
    )
    outcome = home.run("auth", "google", "politics")
    assert outcome.code == 78
    assert "`oauth:` has no `client_id`; register this program" in outcome.err
    outcome = home.run("check", "--offline")
    assert outcome.code == 1
    assert "`oauth:` has no `client_id`" in outcome.out


def test_check_tells_that_nobody_has_signed_in_yet(
    home: Home, fake: FakeImap, provider: FakeProvider, browser: list[str]
) -> None:
    """With the command to run, also without a connection; afterwards all is well."""
    path = configure(home, fake, provider)
    says = "FAILED: inbox politics: nobody has signed in yet; run `watcher auth google politics`\n"
    for options in ((), ("--offline",)):
        outcome = home.run("check", *options)
        assert outcome.code == 1
        assert says in outcome.out
    assert fake.commands == []
    home.run("auth", "google", "politics")
    assert "inbox politics: INBOX: 0 messages" in home.run("check").out
    assert "FAILED: inbox" not in home.run("check", "--offline").out
    path.chmod(0o644)
    outcome = home.run("check", "--offline")
    assert "others may use the token file" in outcome.out


def test_the_help_has_an_example(home: Home) -> None:
    """As all commands have."""
    assert "watcher auth google politics" in home.run("auth", "--help").out
