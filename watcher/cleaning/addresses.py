"""Addresses as they are written in readable text: which spellings there are, and where one stands.

No expression is made of an address: each mail may bring another one, and compiling costs more than searching.
A known domain is found as plain text; what precedes it is then looked at closely.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What stands for the `@`: itself, the `=` of VERP, an escape of either, or the word `at` between separators.
AT = (
    r"(?:@|=|[^a-z0-9](?:25)*(?:40|3d)|&#0*64;|&#x0*40;|&commat;|[\\%]u0040"
    r"|[^a-z0-9]{1,2}at[^a-z0-9]{1,2})"
)
TAG = r"\+[\w.+-]{0,64}"  # the plus-tag that RFC 5233 allows after a local part

_AT_LENGTH = 24  # characters, the longest form of `AT` with its doubled escapes
_TAG_LENGTH = 65
_AT_BEFORE = re.compile(rf"{AT}\Z")  # the end is that of the search: where the domain begins
_TAG_FORM = re.compile(TAG)

REACH = _AT_LENGTH + _TAG_LENGTH
"""Characters between a domain and the end of the local part before it, at most."""

_ROT13 = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz", b"nopqrstuvwxyzabcdefghijklm")


@dataclass(frozen=True, slots=True, repr=False)
class Written:
    """Addresses in lower case, and how else they are written."""

    locals_of: tuple[tuple[str, tuple[str, ...]], ...]  # each domain, and the local parts known there
    mirrored: tuple[str, ...]  # addresses backwards and in rot13

    @classmethod
    def of(cls, locals_of: dict[str, tuple[str, ...]]) -> Written:
        """Prepare the search for what `known` found."""
        full = spelled_out(locals_of)
        return cls(tuple(locals_of.items()), tuple(form for text in full for form in mirrored(text)))

    def replaced(self, text: str, by: str) -> tuple[str, int]:
        """Put `by` in the place of each address; return the text and their number."""
        done = count = 0
        pieces: list[str] = []
        for begin, end in sorted(self._found_in(_lowered(text))):
            if begin >= done:
                pieces += [text[done:begin], by]
                done, count = end, count + 1
        return ("".join([*pieces, text[done:]]), count) if count else (text, 0)

    def _found_in(self, low: str) -> Iterator[tuple[int, int]]:
        for domain, local_parts in self.locals_of:
            place = low.find(domain)
            while place >= 0:
                begin = begin_of_address(low, place, local_parts)
                if begin >= 0:
                    yield begin, place + len(domain)
                place = low.find(domain, place + 1)
        for form in self.mirrored:
            place = low.find(form)
            while place >= 0:
                yield place, place + len(form)
                place = low.find(form, place + len(form))


def begin_of_address(low: str, end: int, local_parts: tuple[str, ...]) -> int:
    """Where one of the local parts begins that, perhaps with a tag, and any form of `@` stand before `end`.

    -1: there is none. `low` is in lower case.
    """
    begin = max(0, end - _AT_LENGTH)
    while match := _AT_BEFORE.search(low, begin, end):
        at = match.start()
        begin = at + 1
        if low.endswith(local_parts, 0, at):
            return at - _longest_end(low, at, local_parts)
        tag = low.rfind("+", max(0, at - _TAG_LENGTH), at)
        while tag >= 0:
            if _TAG_FORM.fullmatch(low, tag, at) and low.endswith(local_parts, 0, tag):
                return tag - _longest_end(low, tag, local_parts)
            tag = low.rfind("+", max(0, at - _TAG_LENGTH), tag)
    return -1


def _longest_end(low: str, end: int, local_parts: tuple[str, ...]) -> int:
    return max(len(part) for part in local_parts if low.endswith(part, 0, end))


def _lowered(text: str) -> str:
    """Lower-case a text so that every character keeps its place; a few become two by themselves."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(small if len(small := each.lower()) == 1 else each for each in text)


def known(addresses: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Order lower-case addresses by domain, in every spelling; a local part counts without its tag too."""
    found: dict[str, set[str]] = {}
    for address in addresses:
        local, _, domain = address.rpartition("@")
        for spelling in _spellings(domain):
            found.setdefault(spelling, set()).update((local, local.partition("+")[0] or local))
    return {domain: tuple(sorted(locals_)) for domain, locals_ in sorted(found.items())}


def spelled_out(locals_of: dict[str, tuple[str, ...]]) -> list[str]:
    """List the addresses again."""
    return [f"{local}@{domain}" for domain, found in locals_of.items() for local in found]


def mirrored(address: str) -> tuple[str, str]:
    """Write an address backwards and in rot13."""
    return address[::-1], address.encode().translate(_ROT13).decode()


def _spellings(domain: str) -> set[str]:
    """Give a domain as written and in its IDNA forms."""
    found = {domain}
    if domain.isascii() and "xn--" not in domain:
        return found
    try:
        found.add(domain.encode("idna").decode("ascii"))
        found.add(domain.encode("ascii").decode("idna"))
    except UnicodeError:
        pass  # too long or not convertible: searched as written
    return found
