"""Keeping keys: real queries to a DNS server on loopback, mail that is really signed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dns.rcode
import pytest

from tests.support.dns_server import DnsServer
from tests.support.signed_mail import ed25519_key, letter, rsa_key, sign
from watcher import settings as settings_room
from watcher.authenticity import Result
from watcher.service import dkim_keys, verifying
from watcher.service.dkim_keys import DnsResolver, DnsUnavailable, Kept, keep_keys, preserve
from watcher.vault import Arrival, SignatureNote, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.home import Home
    from tests.support.signed_mail import KeyPair

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ORG, COM = ("example.org", "s1"), ("example.com", "s1")


class Kit:
    """A vault, a DNS server, and a clock that a test turns."""

    def __init__(self, path: Path, server: DnsServer) -> None:
        self.now = NOW
        self.vault = Vault.open(path, now=lambda: self.now)
        self.server = server
        self.resolver = DnsResolver(settings_room.DnsServer("127.0.0.1", server.port), patience=0.1)
        self._uid = 0

    def arrive(self, *raws: bytes, inbox: str = "politics") -> None:
        mailbox = self.vault.mailbox(inbox, "INBOX")
        for raw in raws:
            self._uid += 1
            arrival = Arrival(self._uid, raw, self.now, len(raw))
            self.vault.store(mailbox.id, [arrival], uidvalidity=1, last_uid=self._uid)

    def round(self, *inboxes: str) -> Kept:
        return preserve(self.vault, inboxes or ("politics",), self.resolver, now=lambda: self.now)

    def noted(self, message: int = 1) -> list[SignatureNote]:
        return self.vault.noted_signatures(message)


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer() as running:
        yield running


@pytest.fixture
def kit(tmp_path: Path, server: DnsServer) -> Iterator[Kit]:
    made = Kit(tmp_path / "vault.db", server)
    with made.vault:
        yield made


@pytest.mark.parametrize(("make", "bits"), [(rsa_key, (2048,)), (rsa_key, (4096,)), (ed25519_key, ())])
def test_a_key_that_is_gone_years_later_still_proves_the_mail(
    kit: Kit, make: Callable[..., KeyPair], bits: tuple[int, ...]
) -> None:
    """Looked up at arrival, checked, replaced in DNS: the mail passes for ever, without another query."""
    key = make(*bits)
    raw = sign(letter(), key)
    kit.server.publish(*ORG, key.record)
    kit.arrive(raw)
    assert kit.round() == Kept(examined=1, asked=1, found=1, checked=1)
    assert kit.noted() == [SignatureNote(1, *ORG, "pass")]
    kit.server.publish(*ORG, rsa_key(name="next").record)
    asked = list(kit.server.asked)
    (verdict,) = verifying.verify_bytes(kit.vault, raw).verdicts
    assert (verdict.result, verdict.aligned) == (Result.PASS, True)
    (changed,) = verifying.verify_bytes(kit.vault, raw.replace(b"Some ", b"Much ")).verdicts
    assert (changed.result, changed.reason) == (Result.FAIL, "the body was changed")
    assert set(asked) == {"TXT s1._domainkey.example.org"}
    assert kit.server.asked == asked


def test_a_name_is_asked_for_once_a_day_however_many_mails_came(kit: Kit) -> None:
    """Promise 3 kept small: one query for each signer and day, none for mail that is known."""
    kit.server.publish(*ORG, rsa_key().record)
    kit.arrive(*(sign(letter(message_id=f"<{n}@example.org>"), rsa_key()) for n in range(3)))
    assert kit.round() == Kept(examined=3, asked=1, found=1, checked=3)
    kit.now += timedelta(hours=23)
    kit.arrive(sign(letter(message_id="<9@example.org>"), rsa_key()))
    assert kit.round() == Kept(examined=1, checked=1)
    kit.now += timedelta(hours=1)
    kit.server.publish(*ORG, rsa_key(name="next").record)
    kit.arrive(sign(letter(message_id="<10@example.org>"), rsa_key(name="next")))
    assert kit.round() == Kept(examined=1, asked=1, found=1, checked=1)
    assert kit.round() == Kept()
    assert [note.result for n in range(1, 6) for note in kit.noted(n)] == ["pass"] * 5
    assert len(kit.vault.kept_keys(*ORG)) == 2


def test_only_inboxes_that_asked_for_it_are_looked_at(kit: Kit) -> None:
    """Mail of another inbox leads to no query, until its inbox is one of them."""
    kit.arrive(sign(letter(), rsa_key()), inbox="private")
    assert kit.round("politics") == Kept()
    assert kit.server.asked == []
    assert kit.round("politics", "private").asked == 1


def test_every_signature_and_seal_has_its_key_kept(kit: Kit) -> None:
    """The platform's second signature, and the seal of a list on the way."""
    seal = b"ARC-Seal: i=1; a=rsa-sha256; d=lists.example.net; s=arc; cv=none; b=AAAA\r\n"
    kit.server.publish(*ORG, rsa_key().record)
    kit.server.publish(*COM, ed25519_key().record)
    kit.server.publish("lists.example.net", "arc", rsa_key(name="list").record)
    kit.arrive(seal + sign(sign(letter(), rsa_key()), ed25519_key(), *COM))
    assert kit.round() == Kept(examined=1, asked=3, found=3, checked=1)
    assert kit.noted() == [SignatureNote(1, *COM, "pass"), SignatureNote(2, *ORG, "pass")]
    assert len(kit.vault.kept_keys("lists.example.net", "arc")) == 1


NO_ANSWERS = [
    ("no such name", {}, {}, 3, "DNS has no such name"),
    ("no TXT there", {"s1": []}, {}, 3, "no TXT record there"),
    ("no key there", {"s1": ["v=spf1 -all"]}, {}, 3, "a TXT record there that is no key"),
    ("server failure", {}, {"s1": dns.rcode.SERVFAIL}, 6, "DNS failed (NoNameservers)"),
    ("refused", {}, {"s1": dns.rcode.REFUSED}, 6, "DNS failed (NoNameservers)"),
    ("silence", {}, {"s1": None}, 6, "no answer within 0.1 seconds"),
]


@pytest.mark.parametrize(
    ("records", "failures", "attempts", "reason"), [c[1:] for c in NO_ANSWERS], ids=[c[0] for c in NO_ANSWERS]
)
def test_a_missing_key_is_asked_for_a_few_times_and_then_noted(
    kit: Kit,
    records: dict[str, list[str]],
    failures: dict[str, dns.rcode.Rcode | None],
    attempts: int,
    reason: str,
) -> None:
    """Later each time, and not for ever; the mail then says why it has no key."""
    for selector, texts in records.items():
        kit.server.publish("example.org", selector, *texts)
    kit.server.failures = {f"{s}._domainkey.example.org": code for s, code in failures.items()}
    kit.arrive(sign(letter(), rsa_key()))
    asked = []
    for _ in range(60):
        asked.append(kit.round().asked)
        kit.now += timedelta(hours=2)
    assert asked[0] == 1
    assert sum(asked) == attempts
    (note,) = kit.noted()
    assert note.result == "no key"
    assert reason in note.reason


def test_a_key_that_comes_late_is_found_by_a_later_attempt(kit: Kit) -> None:
    """A sender may publish after sending; an outage ends."""
    kit.arrive(sign(letter(), rsa_key()))
    assert kit.round() == Kept(examined=1, asked=1)
    assert kit.noted()[0].result == "pending"
    kit.server.publish(*ORG, rsa_key().record)
    assert kit.round() == Kept()
    kit.now += timedelta(hours=1)
    assert kit.round() == Kept(asked=1, found=1, checked=1)
    assert kit.noted()[0].result == "pass"


def test_a_resolver_that_is_down_is_left_alone_for_this_round(kit: Kit) -> None:
    """A thousand names must not wait their time one after the other."""
    for n in range(5):
        name = f"sender{n}.example.org"
        kit.server.failures[f"s1._domainkey.{name}"] = dns.rcode.SERVFAIL
        kit.arrive(sign(letter(message_id=f"<{n}@example.org>"), rsa_key(), name))
    assert kit.round() == Kept(examined=5, asked=3)
    assert kit.round() == Kept(asked=2)


def test_a_stop_is_obeyed_between_two_queries(kit: Kit) -> None:
    """What was not asked is due in the next round."""
    kit.server.publish(*ORG, rsa_key().record)
    kit.arrive(sign(sign(letter(), rsa_key()), ed25519_key(), *COM))
    kept = preserve(
        kit.vault, ["politics"], kit.resolver, now=lambda: kit.now, stopped=lambda: bool(kit.server.asked)
    )
    assert kept == Kept(examined=1, asked=1)
    assert kit.round().asked == 1


def test_a_malformed_or_hostile_signature_asks_for_nothing(kit: Kit) -> None:
    """Names that DNS cannot have are not sent there; the mail says why it fails."""
    raw = sign(letter(), rsa_key())
    kit.arrive(raw.replace(b"d=example.org", b"d=" + b"x" * 300, 1))
    assert kit.round() == Kept(examined=1)
    assert kit.server.asked == []
    (note,) = kit.noted()
    assert (note.result, note.reason) == ("fail", "the signature is malformed: d= is no name of DNS")


def test_a_damaged_mail_holds_up_nobody(kit: Kit) -> None:
    """The vault's copy is broken before or after its signatures were noted: the others go on."""
    kit.server.publish(*ORG, rsa_key().record)
    mails = [sign(letter(message_id=f"<{n}@example.org>"), rsa_key()) for n in range(3)]
    kit.arrive(*mails)
    kit.vault._db.execute("UPDATE messages SET raw = x'00' WHERE id = 1")
    kit.server.failures["s1._domainkey.example.org"] = dns.rcode.SERVFAIL
    assert kit.round() == Kept(examined=3, asked=1)
    kit.vault._db.execute("UPDATE messages SET raw = x'00' WHERE id = 2")
    kit.server.failures.clear()
    kit.now += timedelta(minutes=1)
    assert kit.round() == Kept(asked=1, found=1, checked=2)
    assert kit.noted(1) == []
    assert [each.result for n in (2, 3) for each in kit.noted(n)] == ["fail", "pass"]
    assert "damaged" in kit.noted(2)[0].reason


def test_a_check_that_breaks_is_a_fail_of_that_mail(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect below is confined to the mail that found it, and says nothing of its text."""

    def broken(*_: object) -> None:
        raise RuntimeError("the river is low")

    monkeypatch.setattr(verifying.authenticity, "check", broken)
    (verdict,) = verifying.verify_bytes(kit.vault, sign(letter(), rsa_key())).verdicts
    assert verdict.result is Result.FAIL
    assert verdict.reason == "the check broke (RuntimeError); this is a defect, please report it"


class Log:
    """What was logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def write(self, event: str, **values: object) -> None:
        self.lines.append((event, values))

    info = warning = error = write


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    made = Log()
    monkeypatch.setattr(dkim_keys, "get_logger", lambda: made)
    return made


def configured(home: Home, preserve_dkim: bool, more: str = "") -> settings_room.Settings:
    inbox = "{name: politics, host: imap.invalid, username: a, password: {env: X}}"
    home.configure(f"preserve_dkim: {str(preserve_dkim).lower()}\n{more}inboxes: [{inbox}]\n")
    return settings_room.load(home.config)


def test_a_round_is_one_call_with_the_settings(home: Home, server: DnsServer, log: Log) -> None:
    """What the daemon and `poll` do; the log says how much and about whom nothing."""
    server.publish(*ORG, rsa_key().record)
    settings = configured(home, True, server.setting)
    assert keep_keys(settings) == Kept()
    assert log.lines == []
    with Vault.open(home.vault) as vault:
        raw = sign(letter(), rsa_key())
        mailbox = vault.mailbox("politics", "INBOX")
        vault.store(mailbox.id, [Arrival(1, raw, NOW, len(raw))], uidvalidity=1, last_uid=1)
    assert keep_keys(settings) == Kept(1, 1, 1, 1)
    assert log.lines == [("dkim_keys", {"examined": 1, "asked": 1, "found": 1, "checked": 1})]


def test_without_the_setting_nothing_is_opened(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """No resolver, no socket, not even the vault."""
    monkeypatch.setattr(dkim_keys, "DnsResolver", None)
    assert keep_keys(configured(home, False)) == Kept()
    assert not home.vault.exists()


def test_a_failure_is_logged_and_never_raised(home: Home, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The intake does not learn of it: a vault that cannot be opened, a defect, no dnspython."""
    settings = configured(home, True, "dns_server: 127.0.0.1\n")
    home.vault.mkdir(parents=True)
    assert keep_keys(settings) is None
    monkeypatch.setattr(dkim_keys, "preserve", lambda *_, **__: 1 / 0)
    home.vault.rmdir()
    assert keep_keys(settings) is None
    monkeypatch.setitem(sys.modules, "dkim", None)
    assert keep_keys(settings) is None
    events = [(event, str(values["error"])) for event, values in log.lines]
    assert [event for event, _ in events] == ["dkim_keys_failed", "dkim_keys_defect", "dkim_keys_failed"]
    assert "this is a directory" in events[0][1]
    assert events[1][1] == "ZeroDivisionError"
    assert "pip install 'newsletter-watcher[dkim]'" in events[2][1]


def test_check_says_what_is_in_the_way(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first mail comes; without the setting the extra is not missed."""
    configured(home, True, "dns_server: 127.0.0.1\n")
    assert home.run("check", "--offline").code == 0
    monkeypatch.setitem(sys.modules, "dkim", None)
    outcome = home.run("check", "--offline")
    assert outcome.code == 1
    assert "dkim: FAILED: `preserve_dkim` cannot work: signatures are checked with the extra" in outcome.out
    configured(home, False)
    assert home.run("check", "--offline").code == 0


def test_a_system_without_resolver_is_told_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty /etc/resolv.conf is not a crash."""
    import dns.resolver

    def none(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", none)
    with pytest.raises(DnsUnavailable, match="dns_server"):
        DnsResolver(None)


def test_a_name_that_is_too_long_is_not_asked(kit: Kit) -> None:
    """Both parts may be allowed and their sum not."""
    domain = ".".join(["x" * 60] * 4)
    with pytest.raises(dkim_keys.KeyMissing, match="too long"):
        kit.resolver.key_records(domain, "s" * 60)
    assert kit.server.asked == []
