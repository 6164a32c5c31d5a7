"""From, To and Date, the fields with a grammar (RFC 5322, sections 3.3, 3.4): read by mail-parser.

mail-parser parses in its constructor, most of it for fields that nobody asks for, so it is given a message of
these three alone. What is known to go wrong in it is put right before or after: it decodes encoded words with
whatever codec they name, takes `Foo, Inc. <a@b>` apart, reads but the first of several fields, and gives
nothing where an address stands outside the grammar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message as Envelope
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from mailparser import MailParser

from watcher.message import encoded_words, warnings
from watcher.message.model import Address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watcher.message.limits import Limits

# Matches begin at the start of a token only, which keeps the search linear.
_ADDRESS = re.compile(
    r"""(?:(?<![^\s<>"'(),;:@\[\]])[^\s<>"(),;:@\[\]]++|"[^"\s]{1,64}+")@[^\s<>"'(),;:@\[\]]++"""
)
_LOCAL = re.compile(r"<[^<>\s@]{1,64}>|\A[^<>\s@,;:]{1,64}\Z")  # of a user on the same host, as in old mail
_MARKS = " \t\"'<>[](),;"  # around a name in a broken field
_UNQUOTED_NAME = re.compile(r"""\s*+([^<>"@:()]*+)(<[^<>]*+>)\s*+\Z""")
_FIRST_YEAR, _LAST_YEAR = 1970, 2100
_CONTROLS = dict.fromkeys((*range(0x20), 0x7F), " ")


@dataclass(slots=True)
class Envelopes:
    """What the three fields say."""

    author: Address = field(default_factory=Address)
    to: tuple[Address, ...] = ()
    date: datetime | None = None
    warnings: dict[str, None] = field(default_factory=dict)  # a set in order


def read(senders: list[str], recipients: list[str], dates: list[str], limits: Limits) -> Envelopes:
    """Read the unfolded values of all From, To and Date fields, encoded words and all."""
    found = Envelopes()
    said = found.warnings
    sender = _bounded(senders[:1], limits, said)
    recipient = _bounded(recipients, limits, said)
    envelope = Envelope()
    for name, value in (("From", sender), ("To", recipient), ("Date", "".join(dates[:1]))):
        if value:
            envelope[name] = value
    envelope.set_payload("")
    try:
        parser = MailParser(envelope)
        authors, found.to, moment = _addresses(parser.from_), _addresses(parser.to), parser.date
    # mail-parser is fed a stranger's text and documents no list of what it raises; its messages quote that
    # text.
    except Exception:  # noqa: BLE001
        said[warnings.ADDRESSES_UNREAD] = None
        authors, moment = (), None
    if len(senders) > 1:
        said[warnings.SEVERAL_FROM] = None
    if authors:
        found.author = authors[0]
    elif sender:
        found.author = _recovered(sender, limits)
        if found.author.address:
            said[warnings.FROM_REPAIRED] = None
    if dates:
        found.date = _in_range(moment or _lenient(dates[0], said), said)
    return found


def addresses_in(values: Iterable[str]) -> frozenset[str]:
    """Every address that stands anywhere in the values, lower case."""
    return frozenset(found.rstrip(".").lower() for value in values for found in _ADDRESS.findall(value))


def _bounded(values: list[str], limits: Limits, said: dict[str, None]) -> str:
    """One value of the fields, with as many addresses as the limits allow and without foreign codecs."""
    value = ", ".join(value for value in values if value)
    if value.count(",") >= limits.addresses:
        said[warnings.ADDRESSES_CUT] = None
        value = ",".join(value.split(",", limits.addresses)[: limits.addresses])
    value = encoded_words.transcode(value, limits.encoded_words)
    unquoted = _UNQUOTED_NAME.match(value)
    if unquoted is not None and ("," in unquoted[1] or ";" in unquoted[1]):
        return f'"{unquoted[1].strip(" ,")}" {unquoted[2]}'
    return value


def _addresses(pairs: object) -> tuple[Address, ...]:
    if not isinstance(pairs, list):
        return ()
    return tuple(Address(_name(name), encoded_words.decode(address, 10).strip()) for name, address in pairs)


def _name(name: str) -> str:
    # A quoted name should be taken literally (RFC 2047, section 5), but senders quote encoded words all the
    # time.
    return encoded_words.decode(name, 100).translate(_CONTROLS).strip()


def _recovered(value: str, limits: Limits) -> Address:
    """The first address in a From that breaks the grammar, and what stands before it as the name."""
    text = encoded_words.decode(value, limits.encoded_words)
    found = _ADDRESS.search(text) or _LOCAL.search(text)
    if found is None:
        return Address(_name(text.strip(_MARKS)))
    before = text.partition("<")[0] if "<" in text else text[: found.start()]
    name = before.removesuffix("mailto:").strip(_MARKS)
    address = found[0].strip("<>")
    return Address("" if address in name else _name(name), address)


def _lenient(value: str, said: dict[str, None]) -> datetime | None:
    """A date that mail-parser refuses: one-digit hours, missing zones, ISO 8601."""
    for reader in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = reader(value.strip())
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        # The standard library's date parser is documented to raise ValueError; on hostile text it has others.
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, AttributeError):
            continue
        said[warnings.DATE_REPAIRED] = None
        return moment
    said[warnings.DATE_UNREAD] = None
    return None


def _in_range(moment: datetime | None, said: dict[str, None]) -> datetime | None:
    if moment is not None and not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        said[warnings.DATE_RANGE] = None
        return None
    return moment
