"""From, To and Date, the fields with a grammar (RFC 5322, sections 3.3, 3.4): read by mail-parser.

`MailParser` itself reads a whole message in its constructor, and all of it twice, so its readers of address
fields and of dates are called by themselves. What is known to go wrong in them is put right before or after:
they decode encoded words with whatever codec they name, take `Foo, Inc. <a@b>` apart, and give nothing where
an address stands outside the grammar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from mailparser.dates import parse_mail_date
from mailparser.utils import get_addresses

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
# One mailbox of atoms, as nearly every field has it: `Name <a@b.c>`, `"Name" <a@b.c>`, `a@b.c`, `<a@b.c>`.
_ATOMS = r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]+"
_MAILBOX = rf"{_ATOMS}(?:\.{_ATOMS})*+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*+"
_SIMPLE = re.compile(
    rf"""(?:(?:"([A-Za-z0-9!#$%&'*+/^_`{{|}}~.| -]*)"|({_ATOMS}(?:\ {_ATOMS})*+))\ )?+<({_MAILBOX})>"""
    rf"|({_MAILBOX})"
)
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
    try:
        authors = _addresses(sender, limits.encoded_words)
        found.to = _addresses(recipient, limits.encoded_words)
        moment = parse_mail_date(dates[0]).value if dates else None
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
        found.author = _recovered(_readable(sender, limits.encoded_words), limits)
        if found.author.address:
            said[warnings.FROM_REPAIRED] = None
    if dates:
        found.date = _in_range(moment or _lenient(dates[0], said), said)
    return found


def addresses_in(values: Iterable[str]) -> frozenset[str]:
    """Every address that stands anywhere in the values, lower case."""
    return frozenset(found.rstrip(".").lower() for value in values for found in _ADDRESS.findall(value))


def _bounded(values: list[str], limits: Limits, said: dict[str, None]) -> str:
    """One value of the fields, with as many addresses as the limits allow."""
    value = ", ".join(value for value in values if value)
    if value.count(",") >= limits.addresses:
        said[warnings.ADDRESSES_CUT] = None
        value = ",".join(value.split(",", limits.addresses)[: limits.addresses])
    return value


# A mailbox is written to by the same senders again and again, and nearly always under the same address.
@lru_cache(maxsize=256)
def _addresses(value: str, most: int) -> tuple[Address, ...]:
    """The addresses of a field with at most `most` encoded words, as far as they follow the grammar."""
    if not value:
        return ()
    if (simple := _simple(value)) is not None:
        return (simple,)
    pairs = get_addresses(_readable(value, most), decode_names=True)
    return tuple(
        Address("" if name == address else _name(name), encoded_words.decode(address, 10).strip())
        for name, address in pairs
        if address
    )


def _simple(value: str) -> Address | None:
    """The one mailbox of a field in the plainest form; mail-parser says the same, in fifty times the time."""
    found = _SIMPLE.fullmatch(value)
    if found is None:
        return None
    quoted, atoms, angled, bare = found.groups()
    name, address = quoted or atoms or "", angled or bare
    return Address("" if name == address else name.strip(), address)


def _readable(value: str, most: int) -> str:
    """The value without foreign codecs, and with quotes around a name that holds a comma."""
    value = encoded_words.transcode(value, most)
    unquoted = _UNQUOTED_NAME.match(value)
    if unquoted is not None and ("," in unquoted[1] or ";" in unquoted[1]):
        return f'"{unquoted[1].strip(" ,")}" {unquoted[2]}'
    return value


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
