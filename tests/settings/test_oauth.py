"""`oauth:`: what is known of a provider, what must be written, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.settings_files import INBOX, inbox_text, one_inbox, only_problem, position, written
from watcher.settings import OAuthProvider, SecretKind

if TYPE_CHECKING:
    from pathlib import Path

_BASE = INBOX.replace("password: {credential: politics-imap}\n", "")
_OTHER = """\
oauth:
  provider: other
  client_id: watcher
  scope: imap offline_access
  token_endpoint: https://login.example.org/token
  device_endpoint: https://login.example.org/device
"""


def test_little_needs_to_be_written(tmp_path: Path) -> None:
    """The token lies beside the vault, in a file that has the inbox's name."""
    inbox = one_inbox(tmp_path, "oauth: {provider: google, client_id: abc}", _BASE)
    assert inbox.oauth is not None
    assert (inbox.oauth.provider, inbox.oauth.client_id) == (OAuthProvider.GOOGLE, "abc")
    assert inbox.oauth.token_file == tmp_path / "data" / "tokens" / "politics.json"
    assert inbox.oauth.client_secret is None
    assert inbox.oauth.token_endpoint == inbox.oauth.scope == inbox.oauth.tenant == ""


def test_all_can_be_written(tmp_path: Path) -> None:
    """The registration's secret is a reference, as a password is; paths begin at the settings' folder."""
    more = "  client_secret: {file: client}\n  token_file: token.json\n"
    more += "  authorization_endpoint: http://127.0.0.1:8080/authorize?x=1\n"
    oauth = one_inbox(tmp_path, _OTHER + more, _BASE).oauth
    assert oauth is not None
    assert oauth.provider is OAuthProvider.OTHER
    assert oauth.client_secret is not None
    assert (oauth.client_secret.kind, oauth.client_secret.value) == (
        SecretKind.FILE,
        (str(tmp_path / "client"),),
    )
    assert oauth.token_file == tmp_path / "token.json"
    assert oauth.scope == "imap offline_access"
    assert oauth.authorization_endpoint == "http://127.0.0.1:8080/authorize?x=1"
    assert oauth.device_endpoint == "https://login.example.org/device"


WRONG = [
    ("oauth: {provider: yahoo}", 23, "must be `google`, `microsoft` or `other`"),
    ("oauth: {provider: google, tenant: example.org}", 39, "belongs to `provider: microsoft`"),
    ("oauth: {provider: microsoft, tenant: a/b}", 42, "domain or id"),
    ("oauth: {provider: google, token_endpoint: ftp://a/b}", 47, "must be an address such as"),
    ("oauth: {provider: google, token_endpoint: login.example.org}", 47, "must be an address such as"),
    (
        "oauth: {provider: google, token_endpoint: 'https://u:p@example.org/'}",
        47,
        "must be an address such as",
    ),
    ("oauth: {provider: google, token_endpoint: 'https://a:b/'}", 47, "must be an address such as"),
    ("oauth: {provider: google, token_endpoint: 'https://a/ b'}", 47, "must be an address such as"),
    (
        "oauth: {provider: google, token_endpoint: 'http://login.example.org/'}",
        47,
        "must begin with `https://`",
    ),
    ("oauth: {provider: google, client_secret: hush}", 46, "must not stand in the settings"),
    ("oauth: {provider: google, client_secret: {file: a, env: B}}", 46, "exactly one of"),
    ("oauth: {provider: google, clientid: a}", 31, "did you mean `client_id`?"),
    ("oauth: {provider: other, client_id: a, scope: b}", 23, "`other` needs `token_endpoint`, `scope`"),
    (
        "oauth: {provider: other, client_id: a, token_endpoint: 'https://a/', device_endpoint: 'https://a/'}",
        23,
        "`other` needs `token_endpoint`, `scope`",
    ),
]


@pytest.mark.parametrize(("line", "column", "says"), WRONG, ids=[line for line, _, _ in WRONG])
def test_what_is_wrong_is_named_and_explained(tmp_path: Path, line: str, column: int, says: str) -> None:
    """With the place of the key or value that is to blame, and without the secret."""
    problem = only_problem(written(tmp_path, inbox_text(line, _BASE)))
    assert says in problem.message
    assert position(problem)[1] == column
    assert "hush" not in str(problem)
