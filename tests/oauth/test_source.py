"""Access tokens over time: renewed early, once, for all; kept before they are used; never in a storm."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.oauth.conftest import NOW, client_at, keep, signed_in
from tests.support.fake_oauth import CLIENT_ID, CLIENT_SECRET, SCOPE
from watcher.oauth import (
    Client,
    ClientRefused,
    EndpointBusy,
    EndpointUnreachable,
    OAuthError,
    SignInNeeded,
    TokenFileError,
    TokenSource,
)

if TYPE_CHECKING:
    from tests.support.fake_oauth import FakeProvider
    from watcher.oauth import TokenFile


def source_at(client: Client, file: TokenFile, now: float = NOW) -> TokenSource:
    """Return a source whose clock stands still."""
    return TokenSource(client, file, clock=lambda: now)


AGES = [
    (0.0, 3600.0, "access-1"),
    (3299.0, 3600.0, "access-1"),
    (3301.0, 3600.0, "access-2"),  # less than five minutes are left
    (3601.0, 3600.0, "access-2"),
    (49.0, 100.0, "access-1"),
    (51.0, 100.0, "access-2"),  # half of a short life is over
    (-1.0, 3600.0, "access-2"),  # the clock was set back: nobody knows how old the token is
    (-86_400.0, 3600.0, "access-2"),
    (86_400.0 * 3650, 3600.0, "access-2"),  # the clock was set far ahead
]


@pytest.mark.parametrize(("age", "lifetime", "access"), AGES)
def test_a_token_is_renewed_before_its_end_and_when_the_clock_jumps(
    provider: FakeProvider, client: Client, file: TokenFile, age: float, lifetime: float, access: str
) -> None:
    """A token with time left is used as it is, without a request."""
    signed_in(provider, file, lifetime=lifetime)
    assert source_at(client, file, NOW + age)() == access
    assert provider.grants() == ([] if access == "access-1" else ["refresh_token"])


def test_a_renewal_asks_as_the_rfc_says(provider: FakeProvider, client: Client, file: TokenFile) -> None:
    """RFC 6749, section 6; with the scope, on which Microsoft insists."""
    signed_in(provider, file)
    source_at(client, file, NOW + 4000)()
    assert provider.requests == [
        (
            "/token",
            {
                "grant_type": "refresh_token",
                "refresh_token": "refresh-1",
                "scope": SCOPE,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
            },
        )
    ]


def test_a_public_client_sends_no_secret(provider: FakeProvider, client: Client, file: TokenFile) -> None:
    """Not an empty one either: Microsoft refuses that (AADSTS700025)."""
    signed_in(provider, file)
    provider.secret = ""
    assert source_at(replace(client, secret=lambda: ""), file, NOW + 4000)() == "access-2"
    assert "client_secret" not in provider.requests[0][1]


def test_a_renewed_token_serves_until_it_ends(
    provider: FakeProvider, client: Client, file: TokenFile
) -> None:
    """It is in the file, so another source finds it."""
    signed_in(provider, file)
    assert source_at(client, file, NOW + 4000)() == "access-2"
    assert source_at(client, file, NOW + 4001)() == "access-2"
    assert provider.grants() == ["refresh_token"]


def test_a_refused_token_is_renewed_though_it_has_time_left(
    provider: FakeProvider, client: Client, file: TokenFile
) -> None:
    """But not when the file has another one by now: somebody else was faster."""
    signed_in(provider, file)
    source = source_at(client, file)
    assert source("access-1") == "access-2"
    assert source("access-1") == "access-2"
    assert provider.grants() == ["refresh_token"]


def test_a_refresh_token_is_kept_until_another_takes_its_place(
    provider: FakeProvider, client: Client, file: TokenFile
) -> None:
    """Google gives none at a renewal, Microsoft always does."""
    signed_in(provider, file)
    source = source_at(client, file, NOW + 4000)
    source()
    kept = file.read()
    assert kept is not None
    assert (kept.access, kept.refresh) == ("access-2", "refresh-1")
    provider.rotate = True
    source("access-2")
    kept = file.read()
    assert kept is not None
    assert (kept.access, kept.refresh) == ("access-3", "refresh-3")


def test_a_rotated_token_is_on_disk_before_it_is_used(
    provider: FakeProvider, client: Client, file: TokenFile
) -> None:
    """A strict provider that saw an old refresh token twice would revoke everything."""
    provider.rotate = provider.strict = True
    signed_in(provider, file)
    for number in range(2, 6):
        used = source_at(client, file, NOW + 4000)(f"access-{number - 1}")
        kept = file.read()
        assert kept is not None
        assert used == kept.access == f"access-{number}"
    assert not provider.revoked


def test_many_threads_renew_once(provider: FakeProvider, client: Client, file: TokenFile) -> None:
    """All get the same token; a strict provider sees each refresh token once."""
    provider.rotate = provider.strict = True
    signed_in(provider, file)
    meet = threading.Barrier(8)

    def ask() -> str:
        source = source_at(client, file, NOW + 4000)
        meet.wait(10)
        return source()

    with ThreadPoolExecutor(8) as pool:
        tokens = {each.result() for each in [pool.submit(ask) for _ in range(8)]}
    assert tokens == {"access-2"}
    assert provider.grants() == ["refresh_token"]


_CHILD = """
    import sys
    from pathlib import Path
    from watcher.oauth import Client, Endpoints, TokenFile, TokenSource
    url, path, now, before = sys.argv[1:]
    exec(before)
    scope = "https://mail.example.org/imap"
    endpoints = Endpoints(token=url + "/token", authorization="", device="", scope=scope)
    client = Client("made-up-client", lambda: "made-up-client-secret", endpoints)
    sys.stdin.readline()
    print(TokenSource(client, TokenFile(Path(path)), clock=lambda: float(now))())
"""


def _child(provider: FakeProvider, file: TokenFile, before: str = "") -> subprocess.Popen[str]:
    arguments = (provider.url, str(file.path), str(NOW + 4000), before)
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_CHILD), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_do_not_destroy_each_others_token(provider: FakeProvider, file: TokenFile) -> None:
    """The daemon and a command that is run beside it renew once together."""
    provider.rotate = provider.strict = True
    signed_in(provider, file)
    children = [_child(provider, file) for _ in range(3)]
    for each in children:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    outcomes = [each.communicate(timeout=60) for each in children]
    assert [out for out, _ in outcomes] == ["access-2\n"] * 3, outcomes
    assert provider.grants() == ["refresh_token"]
    assert not provider.revoked


def test_a_crash_between_the_answer_and_the_file_costs_no_more_than_a_renewal(
    provider: FakeProvider, client: Client, file: TokenFile
) -> None:
    """The old token is whole, the lock is free, and what was half written is not in the way."""
    signed_in(provider, file)
    child = _child(provider, file, "import os; os.fsync = lambda _: os._exit(9)")
    child.communicate("\n", timeout=60)
    assert child.returncode == 9
    kept = file.read()
    assert kept is not None
    assert kept.access == "access-1"
    assert file.path.with_name("politics.json.new").exists()
    assert source_at(client, file, NOW + 4000)() == "access-3"
    assert sorted(each.name for each in file.path.parent.iterdir()) == ["politics.json", "politics.json.lock"]


def test_a_crash_with_a_strict_provider_asks_for_a_new_sign_in(
    provider: FakeProvider, client: Client, file: TokenFile
) -> None:
    """Nothing can save a token that was on its way: one clear sentence, and no loop."""
    provider.rotate = provider.strict = True
    signed_in(provider, file)
    child = _child(provider, file, "import os; os.fsync = lambda _: os._exit(9)")
    child.communicate("\n", timeout=60)
    with pytest.raises(SignInNeeded, match="revoked or has expired"):
        source_at(client, file, NOW + 4000)()
    assert provider.grants() == ["refresh_token"] * 2


def test_nothing_is_asked_for_that_could_not_be_kept(
    provider: FakeProvider, client: Client, file: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is found before the provider makes the old refresh token worthless."""
    signed_in(provider, file)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(TokenFileError, match="No space left on device"):
        source_at(client, file, NOW + 4000)()
    assert provider.requests == []
    assert file.read() is not None


def test_a_revoked_token_gives_one_clear_sentence(
    provider: FakeProvider, client: Client, file: TokenFile
) -> None:
    """With the provider's number for it, and without what else its description tells."""
    signed_in(provider, file)
    provider.revoked = True
    with pytest.raises(SignInNeeded) as caught:
        source_at(client, file, NOW + 4000)()
    assert str(caught.value) == "the sign-in was revoked or has expired (invalid_grant, AADSTS700082)"
    assert provider.grants() == ["refresh_token"]


ANSWERS: list[tuple[int, bytes, type[OAuthError], str]] = [
    (400, b'{"error": "invalid_grant"}', SignInNeeded, "revoked or has expired (invalid_grant)"),
    (400, b'{"error": "interaction_required"}', SignInNeeded, "wants to see the person"),
    (401, b'{"error": "invalid_client"}', ClientRefused, "refuses this client"),
    (400, b'{"error": "unauthorized_client"}', ClientRefused, "(unauthorized_client)"),
    (400, b'{"error": "invalid_scope"}', ClientRefused, "(invalid_scope)"),
    (400, b'{"error": "access-1 or refresh-1"}', ClientRefused, "without a readable code"),
    (400, b'{"error": {"code": 400}}', ClientRefused, "without a readable code"),
    (400, b'{"error": "temporarily_unavailable"}', EndpointBusy, "no tokens for now"),
    (500, b'{"error": "invalid_grant"}', EndpointBusy, "HTTP status 500"),
    (503, b"<html>down</html>", EndpointBusy, "HTTP status 503"),
    (429, b'{"error": "rate_limited"}', EndpointBusy, "HTTP status 429"),
    (302, b"", EndpointBusy, "HTTP status 302"),
    (200, b"<html>log in to this network</html>", EndpointBusy, "HTTP status 200"),
    (200, b"\xff\xfe\x00", EndpointBusy, "no usable answer"),
    (200, b"[" * 100_000, EndpointBusy, "no usable answer"),
    (200, b"{" + b" " * 1_000_001 + b"}", EndpointBusy, "no usable answer"),
    (200, b"[1]", EndpointBusy, "no usable answer"),
    (200, b"{}", EndpointBusy, "no usable token"),
    (200, b'{"access_token": ["a"]}', EndpointBusy, "no usable token"),
    (200, b'{"access_token": "a b"}', EndpointBusy, "no usable token"),
    (200, b'{"access_token": "a\\r\\nb"}', EndpointBusy, "no usable token"),
    (200, b'{"access_token": ""}', EndpointBusy, "no usable token"),
    (200, b'{"access_token": "a", "token_type": "mac"}', EndpointBusy, "no usable token"),
    (200, b'{"access_token": "a", "expires_in": "soon"}', EndpointBusy, "no usable token"),
    (200, b'{"access_token": "a", "refresh_token": 5}', EndpointBusy, "no usable token"),
    (200, b'{"access_token": "a", "scope": 5}', EndpointBusy, "no usable token"),
]


@pytest.mark.parametrize(("status", "content", "kind", "says"), ANSWERS)
def test_what_the_endpoint_says_decides_what_has_to_be_done(
    provider: FakeProvider,
    client: Client,
    file: TokenFile,
    status: int,
    content: bytes,
    kind: type[OAuthError],
    says: str,
) -> None:
    """Sign in, put the settings right, or wait; the token stays as it was, and no answer is repeated."""
    before = signed_in(provider, file)
    provider.answers.append((status, content))
    with pytest.raises(kind) as caught:
        source_at(client, file, NOW + 4000)()
    assert type(caught.value) is kind
    assert says in str(caught.value)
    assert "access-1" not in str(caught.value)
    assert "refresh-1" not in str(caught.value)
    assert file.read() == before


UNTOLD: list[tuple[bytes, float, str]] = [
    (b'{"access_token": "a"}', 3600, "https://mail.example.org/imap"),
    (
        b'{"access_token": "a", "token_type": "bearer", "expires_in": "1800"}',
        1800,
        "https://mail.example.org/imap",
    ),
    (b'{"access_token": "a", "expires_in": 1e9}', 366 * 86_400, "https://mail.example.org/imap"),
    (b'{"access_token": "a", "expires_in": -5, "scope": ""}', 0, "https://mail.example.org/imap"),
    (
        b'{"access_token": "a", "scope": "x HTTPS://MAIL.example.org/imap/"}',
        3600,
        "x HTTPS://MAIL.example.org/imap/",
    ),
]


@pytest.mark.parametrize(("content", "lifetime", "scope"), UNTOLD)
def test_what_an_answer_leaves_out_is_as_before(
    provider: FakeProvider, client: Client, file: TokenFile, content: bytes, lifetime: float, scope: str
) -> None:
    """RFC 6749, section 5.1: lifetime and scope may be left out."""
    signed_in(provider, file)
    provider.answers.append((200, content))
    assert source_at(client, file, NOW + 4000)() == "a"
    kept = file.read()
    assert kept is not None
    assert (kept.obtained_at, kept.expires_at - kept.obtained_at) == (NOW + 4000, lifetime)
    assert (kept.scope, kept.refresh) == (scope, "refresh-1")


def test_a_token_without_the_scope_for_mail_is_not_used(
    provider: FakeProvider, client: Client, file: TokenFile
) -> None:
    """A person may untick it, or take it back; what rotated is kept all the same."""
    signed_in(provider, file)
    provider.rotate, provider.scope = True, "openid email"
    with pytest.raises(SignInNeeded, match=r"not granted \(scope https://mail.example.org/imap\)"):
        source_at(client, file, NOW + 4000)()
    kept = file.read()
    assert kept is not None
    assert kept.refresh == "refresh-2"


def test_nobody_has_signed_in_yet(client: Client, file: TokenFile) -> None:
    """Nothing is made, and nobody asked."""
    with pytest.raises(SignInNeeded, match="nobody has signed in yet"):
        source_at(client, file)()
    assert not file.path.parent.exists()


def test_a_token_is_shown_to_nobody_but_its_issuer(
    provider: FakeProvider, client: Client, file: TokenFile
) -> None:
    """Other settings mean a new sign-in; the old refresh token stays where it is."""
    token = signed_in(provider, file)
    with pytest.raises(SignInNeeded, match="has changed since"):
        source_at(client_at(provider, token=f"{provider.url}/elsewhere"), file, NOW + 4000)()
    keep(file, replace(token, client_id="another"))
    with pytest.raises(SignInNeeded, match="has changed since"):
        source_at(client, file, NOW + 4000)()
    assert provider.requests == []


def test_an_endpoint_that_is_down(provider: FakeProvider, client: Client, file: TokenFile) -> None:
    """It is tried again later; a token with time left needs no endpoint."""
    signed_in(provider, file)
    provider.stop()
    assert source_at(client, file)() == "access-1"
    with pytest.raises(EndpointUnreachable, match=r"127\.0\.0\.1 cannot be reached: Connection refused"):
        source_at(client, file, NOW + 4000)()


def test_one_process_waits_for_another_only_so_long(
    provider: FakeProvider, client: Client, file: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was stopped with the lock in its hands does not stop the others for ever."""
    signed_in(provider, file)
    monkeypatch.setattr("watcher.oauth.tokenfile._LOCK_SECONDS", 0.1)
    with file.locked(), pytest.raises(EndpointBusy, match="too long"):
        source_at(client, file, NOW + 4000)()
    assert source_at(client, file, NOW + 4000)() == "access-2"


def test_no_token_is_in_a_repr(provider: FakeProvider, client: Client, file: TokenFile) -> None:
    """What a traceback with local variables would show."""
    token = signed_in(provider, file)
    seen = repr((token, client, file, source_at(client, file)))
    assert "access-1" not in seen
    assert "refresh-1" not in seen
    assert CLIENT_SECRET not in seen


def test_a_token_with_time_left_costs_no_import_of_http() -> None:
    """A daemon whose inboxes have passwords pays neither for HTTP nor for oauthlib."""
    heavy = ("oauthlib", "http.client", "ssl")
    code = f"import sys, watcher.oauth; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
