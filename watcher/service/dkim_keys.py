"""Keys of DKIM signatures: looked up while they are in DNS, kept in the vault, and used at once.

The one module that asks DNS, and only for inboxes with `preserve_dkim`. It works off what the vault says:
mail whose signatures nobody has noted, lookups that are due, signatures whose keys have come. A mail is
committed long before it appears there, and nothing that happens here can hold up or fail its intake.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from watcher import authenticity
from watcher.clock import utc_now
from watcher.log import get_logger
from watcher.service.verifying import verdicts
from watcher.vault import PENDING, Examined, MessageDamaged, SignatureNote, Vault, VaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from watcher.settings import DnsServer, Settings
    from watcher.vault import Lookup, Unexamined

_BATCH = 100  # mails, lookups and checks between two questions whether to stop
_PAUSE = 10.0  # seconds between two rounds of the daemon
_REST = 900.0  # seconds after one that failed
_PATIENCE = 5.0  # seconds for one lookup, over all servers and attempts
_MOST_SILENCES = 3  # lookups in a row without any answer, after which this round is over: DNS is down
_MOST_RECORDS = 4  # kept for one name; there should be one (RFC 6376, section 3.6.2.2)

_NO_KEY = (timedelta(hours=1), timedelta(days=1))
"""Waits after DNS said that there is no key: a sender may publish it late, hardly later than that."""

_SILENCE = tuple(timedelta(minutes=minutes) for minutes in (1, 10, 60, 360, 1440))
"""Waits after DNS said nothing: outages end."""


class KeyMissing(Exception):  # noqa: N818  # the name says what happened
    """DNS has no key under this name; the text says how it said so."""


class DnsSilent(Exception):  # noqa: N818
    """No answer, or one that says nothing about the key; the text says what came instead."""


class DnsUnavailable(Exception):  # noqa: N818
    """DNS cannot be asked at all; the text says what to do."""


class Resolver(Protocol):
    """Who asks DNS."""

    def key_records(self, domain: str, selector: str) -> list[str]:
        """Return the key records, at least one. Raises `KeyMissing` and `DnsSilent`."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What one round brought."""

    examined: int = 0  # mails
    asked: int = 0  # names
    found: int = 0  # of them
    checked: int = 0  # mails


def obstacle(settings: Settings) -> str:
    """What keeps the keys of this installation from being kept, for `watcher check`; asks nobody."""
    try:
        if any(inbox.preserve_dkim for inbox in settings.inboxes):
            authenticity.need_tools()
            DnsResolver(settings.dns_server)
    except (authenticity.ToolsMissing, DnsUnavailable) as error:
        return f"`preserve_dkim` cannot work: {error}"
    return ""


def keep_keys(settings: Settings, *, stopped: Callable[[], bool] = lambda: False) -> Kept | None:
    """One round for all inboxes that keep keys; nothing at all is opened when none does.

    Whatever goes wrong is logged and not raised, and None is returned; the work is done in a later round.
    """
    inboxes = [inbox.name for inbox in settings.inboxes if inbox.preserve_dkim]
    log = get_logger()
    if not inboxes:
        return Kept()
    try:
        authenticity.need_tools()
        resolver = DnsResolver(settings.dns_server)
        with Vault.open(settings.store.vault) as vault:
            kept = preserve(vault, inboxes, resolver, stopped=stopped)
    except (authenticity.ToolsMissing, DnsUnavailable, VaultError) as error:
        log.warning("dkim_keys_failed", error=str(error))
        return None
    # The boundary that isolates an extra from the intake: a defect in it must not end the daemon.
    except Exception as error:  # noqa: BLE001
        log.error("dkim_keys_defect", error=type(error).__name__)  # noqa: TRY400  # its text may be mail's
        return None
    if kept != Kept():
        log.info(
            "dkim_keys", examined=kept.examined, asked=kept.asked, found=kept.found, checked=kept.checked
        )
    return kept


@contextmanager
def keeping_keys(settings: Settings) -> Iterator[None]:
    """While entered, a thread of its own makes a round every few seconds; none when no inbox keeps keys."""
    if not any(inbox.preserve_dkim for inbox in settings.inboxes):
        yield
        return
    stop = threading.Event()

    def rounds() -> None:
        while not stop.is_set():
            kept = keep_keys(settings, stopped=stop.is_set)
            stop.wait(_PAUSE if kept is not None else _REST)

    thread = threading.Thread(target=rounds, name="dkim-keys", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(2 * _PATIENCE)


def preserve(
    vault: Vault,
    inboxes: Iterable[str],
    resolver: Resolver,
    *,
    now: Callable[[], datetime] = utc_now,
    stopped: Callable[[], bool] = lambda: False,
) -> Kept:
    """Note the signatures of new mail, ask for the keys that are due, check what can be checked.

    `now` is the clock of the vault. Raises `VaultError`.
    """
    examined = sum(_examine(vault, inbox, stopped) for inbox in inboxes)
    asked, found = _ask(vault, resolver, now, stopped)
    return Kept(examined, asked, found, _check(vault, stopped))


def _examine(vault: Vault, inbox: str, stopped: Callable[[], bool]) -> int:
    """Note the signatures of the mail that came since the last round."""
    total = 0
    newest = vault.newest_delivery()
    while not stopped():
        batch = vault.unexamined(inbox, _BATCH)
        if batch:
            vault.note_signatures([_examined(vault, each) for each in batch])
        total += len(batch)
        if len(batch) < _BATCH:
            vault.note_examined(inbox, newest)
            break
    return total


def _examined(vault: Vault, which: Unexamined) -> Examined:
    try:
        mail = authenticity.read(vault.raw(which.message))
    except MessageDamaged:  # nothing can be said about it, and the next one waits
        return Examined(which)
    return Examined(which, tuple(map(_noted, mail.signatures())), tuple(mail.signers()))


def _noted(signature: authenticity.Signature | authenticity.Malformed) -> SignatureNote:
    domain, selector = signature.signer or ("", "")
    if isinstance(signature, authenticity.Malformed):
        return SignatureNote(signature.number, domain, selector, authenticity.Result.FAIL, signature.reason)
    return SignatureNote(signature.number, domain, selector, PENDING)


def _ask(
    vault: Vault, resolver: Resolver, now: Callable[[], datetime], stopped: Callable[[], bool]
) -> tuple[int, int]:
    """Ask for every key that is due; returns how many were asked for and found."""
    asked = found = silences = 0
    while not stopped() and silences < _MOST_SILENCES:
        batch = vault.lookups_due(_BATCH)
        if not batch:
            break
        for lookup in batch:
            if stopped() or silences >= _MOST_SILENCES:
                break
            asked += 1
            silences += 1
            try:
                records = resolver.key_records(lookup.domain, lookup.selector)
            except KeyMissing as problem:
                silences = 0
                _postpone(vault, lookup, str(problem), _NO_KEY, now())
            except DnsSilent as problem:
                _postpone(vault, lookup, str(problem), _SILENCE, now())
            else:
                silences = 0
                found += 1
                vault.note_key(lookup.domain, lookup.selector, records)
    return asked, found


def _postpone(
    vault: Vault, lookup: Lookup, problem: str, waits: tuple[timedelta, ...], now: datetime
) -> None:
    again = now + waits[lookup.attempts] if lookup.attempts < len(waits) else None
    vault.note_no_key(lookup.domain, lookup.selector, problem, again)


def _check(vault: Vault, stopped: Callable[[], bool]) -> int:
    """Check the signatures whose keys have come, or will not come; returns how many mails those were."""
    total = 0
    while not stopped():
        batch = vault.checkable(_BATCH)
        if batch:
            vault.note_results({message: _results(vault, message) for message in batch})
        total += len(batch)
        if len(batch) < _BATCH:
            break
    return total


def _results(vault: Vault, message: int) -> list[SignatureNote]:
    noted = [each for each in vault.noted_signatures(message) if each.result == PENDING]
    try:
        mail = authenticity.read(vault.raw(message))
    except MessageDamaged as damage:
        return [
            SignatureNote(each.number, each.domain, each.selector, authenticity.Result.FAIL, str(damage))
            for each in noted
        ]
    return [
        SignatureNote(each.number, each.domain, each.selector, each.result, each.reason)
        for each in verdicts(vault, mail, vault.source(message).internal_date)
    ]


class DnsResolver:
    """Asks the system's resolver, or the one that the settings name. Needs the extra `dkim`."""

    def __init__(self, server: DnsServer | None, patience: float = _PATIENCE) -> None:
        """`patience`: seconds for one lookup. Raises `DnsUnavailable` when nobody can be asked."""
        import dns.resolver  # noqa: PLC0415  # 50 ms, for those alone who turned it on

        try:
            self._resolver = dns.resolver.Resolver(configure=server is None)
        except dns.resolver.NoResolverConfiguration:
            raise DnsUnavailable(
                "the system names no resolver in /etc/resolv.conf; write `dns_server:` in the settings"
            ) from None
        if server is not None:
            self._resolver.nameservers = [server.address]
            self._resolver.port = server.port
        self._resolver.lifetime = patience

    def key_records(self, domain: str, selector: str) -> list[str]:
        """Return the TXT records that look like keys. Raises `KeyMissing` and `DnsSilent`."""
        import dns.exception  # noqa: PLC0415
        import dns.name  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415

        try:
            name = dns.name.from_text(f"{selector}._domainkey.{domain}.")
            answer = self._resolver.resolve(name, "TXT", search=False)
        except dns.resolver.NXDOMAIN:
            raise KeyMissing("DNS has no such name") from None
        except dns.resolver.NoAnswer:
            raise KeyMissing("DNS has the name, and no TXT record there") from None
        except (dns.name.LabelTooLong, dns.name.NameTooLong):
            raise KeyMissing("the name is too long for DNS") from None
        except dns.exception.Timeout:
            raise DnsSilent(f"no answer within {self._resolver.lifetime:g} seconds") from None
        except (dns.exception.DNSException, OSError) as error:
            raise DnsSilent(f"DNS failed ({type(error).__name__})") from None
        texts = [b"".join(each.strings).decode("utf-8", "replace") for each in answer]
        records = [text for text in texts if "p=" in text.replace(" ", "")][:_MOST_RECORDS]
        if not records:
            raise KeyMissing("DNS has a TXT record there that is no key")
        return records
