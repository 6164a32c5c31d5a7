"""Whether our own receiver vouches for the author of a mail: From can be written by anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watcher.record import Authentication

_METHODS = frozenset({"dkim", "dmarc", "spf"})


def is_authenticated(domain: str, results: Iterable[Authentication]) -> bool:
    """Whether a check that passed speaks for this domain of From, lower case; never where there are none.

    DKIM and SPF speak for domains above and below theirs as well (RFC 7489, section 3.1, relaxed alignment,
    without a list of public suffixes: for others below the same one DMARC's own result speaks).
    """
    return bool(domain) and any(
        each.outcome == "pass" and each.method in _METHODS and _is_aligned(domain, each.domain)
        for each in results
    )


def _is_aligned(domain: str, other: str) -> bool:
    if "." not in other:
        return False
    return domain == other or domain.endswith(f".{other}") or other.endswith(f".{domain}")
