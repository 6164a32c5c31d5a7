"""The Authenticated Received Chain (RFC 8617): what a forwarder saw before it passed a mail on.

Plain forwarding breaks SPF, and DKIM wherever a byte changes, so a forwarded newsletter looks like a copied
header block. A forwarder that seals what its own checks found (an ARC set: seal, signature, results) can be
believed when the inbox names it and our own receiver has confirmed the chain. Nothing is computed here: a
chain that our receiver did not call `arc=pass` says nothing, whoever signed it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from watcher.provider.authentication import Authenticated, Results, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.message import Headers

RESULTS_HEADER = "ARC-Authentication-Results"
SEAL_HEADER = "ARC-Seal"

_MOST_SETS = 50  # RFC 8617 section 4.2.1
_LONGEST = 8_192
_PASS = frozenset({"pass"})  # and nothing else: two fields may disagree
_TAG = re.compile(r"(?:^|;)\s*([a-z]+)\s*=\s*([^;\s]*)", re.IGNORECASE)
_INSTANCE = re.compile(r"\s*i\s*=\s*(\d{1,2})\s*;", re.IGNORECASE)


class Seal(NamedTuple):
    """The newest ARC set of a chain: who sealed it, and what its own checks had found."""

    sealer: str  # `d=` of the seal, lower case
    results: Results


def newest_seal(headers: Headers, below: int) -> Seal | None:
    """Read the newest set that came with the mail: `below` is the position of our receiver's own results.

    What stands above them our receiver sealed itself. None when there is no set, or when its number, its
    `cv=` or its results are not what section 4 of RFC 8617 asks for.
    """
    seals: dict[int, list[dict[str, str]]] = {}
    results: dict[int, list[str]] = {}
    for name, value in _arc_fields(headers, below):
        if name == SEAL_HEADER.lower():
            tags = {tag.lower(): text for tag, text in _TAG.findall(value)}
            seals.setdefault(_number(tags.get("i", "")), []).append(tags)
        else:
            instance = _INSTANCE.match(value)
            if instance is not None:
                results.setdefault(_number(instance[1]), []).append(value[instance.end() :])
    newest = max(seals, default=0)
    if newest not in range(1, _MOST_SETS + 1) or len(seals[newest]) != 1 or len(results.get(newest, ())) != 1:
        return None
    (tags,), (said,) = seals[newest], results[newest]
    sealer = tags.get("d", "").lower().rstrip(".")
    valid = tags.get("cv", "").lower() == ("none" if newest == 1 else "pass")
    return Seal(sealer, parse(said)) if sealer and valid else None


def vouched(seal: Seal | None, own: Authenticated | None, trusted: tuple[str, ...]) -> Authenticated | None:
    """Sum up what the sealer saw, if it may be believed: our receiver confirms it, and the inbox names it."""
    if seal is None or own is None or own.outcomes.get("arc") != _PASS or seal.sealer not in trusted:
        return None
    return Authenticated.by([seal.results])


def _arc_fields(headers: Headers, below: int) -> Iterator[tuple[str, str]]:
    for field in headers.fields[below + 1 :]:
        name = field.name.lower()
        if name in {SEAL_HEADER.lower(), RESULTS_HEADER.lower()}:
            yield name, field.value[:_LONGEST]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0
