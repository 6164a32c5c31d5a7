"""A forged From: it is marked wherever its sender is named, and an inbox may refuse it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.home import Home, mail
from watcher.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

RECEIVED = "Authentication-Results: mx.example.org; dkim=pass header.d=example.org"
SENDERS = """senders:
  - name: Example News
    match: {domains: [example.org]}
"""
INBOX = """
inboxes:
  - name: test
    host: 127.0.0.1
    security: none
    username: reader@example.org
    password: {env: NO_SUCH_VARIABLE}
    trusted_authserv_id: mx.example.org
"""


def _configure(home: Home, accept: str = "") -> None:
    home.configure(INBOX + (f"    accept: {accept}\n" if accept else ""), SENDERS)


@pytest.fixture
def mails(home: Home) -> Path:
    """A genuine mail, a forged one, and one of a stranger."""
    folder = home.root / "mails"
    folder.mkdir()
    (folder / "1.eml").write_bytes(mail("genuine", headers=RECEIVED, message_id="<1@example.org>"))
    (folder / "2.eml").write_bytes(mail("forged", message_id="<2@example.org>"))
    (folder / "3.eml").write_bytes(mail("stranger", sender="x@example.com", message_id="<3@example.com>"))
    return folder


def test_a_forged_author_is_not_silently_the_registered_sender(home: Home, mails: Path) -> None:
    """In the store and in explain; a register that is applied later says the same."""
    _configure(home)
    assert home.run("import", "--inbox", "test", str(mails)).code == 0
    rows = home.rows("select subject, sender, sender_unauthenticated as doubt from newsletters order by id")
    assert [tuple(row.values()) for row in rows] == [
        ("genuine", "example-news", 0),
        ("forged", "example-news", 1),
        ("stranger", None, 0),
    ]
    assert "unauthenticated" in home.run("explain", str(mails / "2.eml")).out
    assert "unauthenticated" not in home.run("explain", str(mails / "1.eml")).out
    before = home.dump()
    home.config.with_name("senders.yaml").write_text("senders: []\n", encoding="utf-8")
    assert home.run("senders", "apply").code == 0
    assert home.rows("select distinct sender, sender_unauthenticated as doubt from newsletters") == [
        {"sender": None, "doubt": 0}
    ]
    home.config.with_name("senders.yaml").write_text(SENDERS, encoding="utf-8")
    assert home.run("senders", "apply").code == 0
    assert home.dump() == before


@pytest.mark.parametrize(
    ("accept", "accepted"),
    [
        ("{domains: [example.org]}", ["genuine", "forged"]),
        ("{authenticated: true}", ["genuine"]),
        ("{list_ids: [none.example.org]}", []),
    ],
)
def test_refused_mail_is_in_the_vault_alone(
    home: Home, mails: Path, accept: str, accepted: list[str]
) -> None:
    """Status counts it, nothing brings it back but changed settings and a rebuild."""
    _configure(home, accept)
    imported = home.run("import", "--inbox", "test", str(mails))
    refused = 3 - len(accepted)
    assert (imported.code, f"refused {refused}" in imported.out) == (0, True)
    assert home.subjects() == accepted
    assert f"0 failed, 0 skipped, {refused} refused" in home.run("status").out
    assert home.run("rebuild").code == 0
    assert home.subjects() == accepted
    with Vault.look(home.vault) as vault:
        assert [b"Subject: " in vault.raw(number) for number in (1, 2, 3)] == [True] * 3
        assert vault.counts().refused == refused
    _configure(home)
    assert home.run("rebuild").code == 0
    assert home.subjects() == ["genuine", "forged", "stranger"]


def test_mail_that_is_no_longer_accepted_leaves_the_archive(home: Home, mails: Path) -> None:
    """A rule that is written later holds for what is there, with all that belongs to it."""
    _configure(home)
    home.run("import", "--inbox", "test", str(mails))
    _configure(home, "{authenticated: true}")
    assert "2 would go" in home.run("rebuild", "--diff").out
    assert home.run("rebuild", "--where", "id < 3").code == 0
    assert home.subjects() == ["genuine", "stranger"]
    assert home.rows("select newsletter_id from bodies order by 1") == [
        {"newsletter_id": 1},
        {"newsletter_id": 3},
    ]
    assert home.rows("select rowid from newsletters_fts where newsletters_fts match 'forged'") == []


def test_only_authenticated_mail_needs_somebody_who_authenticates(home: Home) -> None:
    """Without a receiver that is believed the rule would refuse everything."""
    home.configure(
        INBOX.replace("    trusted_authserv_id: mx.example.org\n", "    accept: {authenticated: true}\n")
    )
    refused = home.run("status")
    assert refused.code == 78
    assert "trusted_authserv_id" in refused.err
