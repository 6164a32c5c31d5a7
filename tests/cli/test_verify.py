"""`watcher verify`: what a person and a script are told about a mail, years later."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.signed_mail import ed25519_key, letter, rsa_key, sign
from watcher.vault import Arrival, Examined, Unexamined, Vault

if TYPE_CHECKING:
    from tests.support.home import Home

ARRIVED = datetime(2020, 3, 1, 9, 30, tzinfo=UTC)
ORG, COM = ("example.org", "s1"), ("mail.example.com", "pf")


@pytest.fixture
def archive(home: Home) -> Home:
    """Three mails of 2020 and the key of one signer, seen on two days: signed twice, unsigned, by others."""
    moment = ARRIVED
    with Vault.open(home.vault, now=lambda: moment) as vault:
        expires = str(int(ARRIVED.timestamp()) + 60)
        twice = sign(sign(letter(), rsa_key(), x=expires), ed25519_key(), *COM)
        raws = [twice, letter(), sign(letter(message_id="<3@example.org>"), ed25519_key(), *COM)]
        mailbox = vault.mailbox("politics", "INBOX")
        arrivals = [Arrival(uid, raw, ARRIVED, len(raw)) for uid, raw in enumerate(raws, 1)]
        vault.store(mailbox.id, arrivals, uidvalidity=1, last_uid=3)
        vault.note_signatures(
            [
                Examined(
                    Unexamined("politics", 1, 1),
                    (),
                    (
                        ORG,
                        COM,
                        ("example.net", "gone"),
                    ),
                )
            ]
        )
        vault.note_key(*ORG, [rsa_key().record])
        vault.note_key(*COM, [ed25519_key().record])
        vault.note_no_key("example.net", "gone", "DNS has no such name", None)
        moment = datetime(2020, 3, 9, tzinfo=UTC)
        vault.note_key(*ORG, [rsa_key().record])
    return home


def test_a_proved_mail_is_shown_with_what_is_proved(archive: Home) -> None:
    """Who signed, what is covered, with which key, and when DNS had it; exit code 0."""
    outcome = archive.run("verify", "1")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "1: PROVED, signed by example.org: From, Subject, the whole body\n"
        "  1. mail.example.com (pf): pass; covers From, Subject, the whole body; "
        "ed25519-sha256 with 256 bits; key in DNS on 2020-03-01; does not answer for From\n"
        "  2. example.org (s1): pass; covers From, Subject, the whole body; rsa-sha256 with 2048 bits; "
        "key in DNS from 2020-03-01 to 2020-03-09\n"
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("2", "2: not proved: it has no DKIM signature\n"),
        (
            "3",
            "3: not proved: no signature that passes answers for example.org in From\n  1. mail.example.com",
        ),
    ],
)
def test_what_is_not_proved_says_why(archive: Home, name: str, says: str) -> None:
    """Exit code 1, also when another mail beside it is proved."""
    outcome = archive.run("verify", name)
    assert outcome.code == 1
    assert outcome.out.startswith(says)
    both = archive.run("verify", "1", name)
    assert both.code == 1
    assert both.out == archive.run("verify", "1").out + outcome.out


def test_a_file_is_checked_with_the_keys_of_the_vault(archive: Home) -> None:
    """Also one that the archive does not have: a forged one, one of a signer whose key is missing."""
    raw = sign(letter(message_id="<4@example.org>"), rsa_key(), length=4)
    cases = {
        "good.eml": (raw, 0, "PROVED, signed by example.org: From, Subject, only the first 4 of "),
        "forged.eml": (raw.replace(b"Some ", b"Much "), 1, "1. example.org (s1): fail; the body was changed"),
        "gone.eml": (
            sign(letter(), rsa_key(), "example.net", "gone"),
            1,
            "1. example.net (gone): no key; DNS has no such name",
        ),
        "never.eml": (
            sign(letter(), rsa_key(), "example.net", "x"),
            1,
            "no key; no key of this signer was kept",
        ),
        "two.eml": (b"From: <x@example.com>\r\n" + raw, 1, "not proved: it has no single From"),
        "junk.eml": (
            b"DKIM-Signature: junk\r\n" + letter(),
            1,
            "1. nobody: fail; the signature is malformed",
        ),
    }
    for name, (content, code, says) in cases.items():
        path = archive.root / name
        path.write_bytes(content)
        outcome = archive.run("verify", str(path))
        assert (outcome.code, says in outcome.out) == (code, True), outcome
        piped = archive.run("verify", "-", stdin=content)
        assert piped.out == outcome.out.replace(str(path), "-", 1)


def test_json_has_everything(archive: Home) -> None:
    """The shape that scripts rely on."""
    outcome = archive.run("verify", "--json", "1", "2")
    assert outcome.code == 1
    first, second = json.loads(outcome.out)
    assert second == {
        "mail": "2",
        "id": 2,
        "arrived_at": "2020-03-01T09:30:00Z",
        "from_domains": ["example.org"],
        "proved": False,
        "signatures": [],
    }
    assert (first["proved"], first["id"]) == (True, 1)
    assert first["signatures"][1] == {
        "number": 2,
        "domain": "example.org",
        "selector": "s1",
        "result": "pass",
        "reason": "",
        "aligned": True,
        "algorithm": "rsa-sha256",
        "key_bits": 2048,
        "key": {
            "record": rsa_key().record,
            "looked_up_at": "2020-03-01T09:30:00Z",
            "confirmed_at": "2020-03-09T00:00:00Z",
        },
        "covers": {
            "from": True,
            "subject": True,
            "whole_body": True,
            "body_bytes": first["signatures"][1]["covers"]["body_total"],
            "body_total": first["signatures"][1]["covers"]["body_total"],
        },
    }


def test_a_mail_that_expired_since_is_proved_as_the_vaults_and_as_a_file(archive: Home) -> None:
    """The archive knows when its bytes arrived, wherever they are read from."""
    with Vault.look(archive.vault) as vault:
        raw = vault.raw(1)
    outcome = archive.run("verify", "--json", "-", stdin=raw)
    assert outcome.code == 0
    assert json.loads(outcome.out)[0]["id"] == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("99", "there is no message 99"),
        ("9" * 20, "No such file"),
        ("none.eml", "none.eml: No such file or directory"),
    ],
)
def test_what_is_not_there_is_said_in_a_line(archive: Home, name: str, says: str) -> None:
    """No traceback for a wrong number or path."""
    outcome = archive.run("verify", name)
    assert outcome.code == 1
    assert says in outcome.err
    assert "Traceback" not in outcome.err


def test_without_the_extra_the_way_to_get_it_is_said(archive: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain installation has no dkimpy."""
    monkeypatch.setitem(sys.modules, "dkim", None)
    outcome = archive.run("verify", "1")
    assert outcome.code == 1
    assert "pip install 'newsletter-watcher[dkim]'" in outcome.err


def test_the_terminal_is_safe_from_a_signature(archive: Home) -> None:
    """A reason or a name from a mail carries no escape sequence."""
    raw = b"DKIM-Signature: v=1; d=\x1b[31mexample.org; s=\x9b2J; \x1b=1\r\n" + letter()
    outcome = archive.run("verify", "-", stdin=raw)
    assert outcome.code == 1
    assert outcome.out.isprintable() or set(filter(lambda c: not c.isprintable(), outcome.out)) == {"\n"}
