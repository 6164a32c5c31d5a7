"""A server's refusal: its response code (RFC 5530), and its words made fit for an error message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 200
"""Characters of a reply that an error repeats."""

_CODE = re.compile(rb"\s*\[([A-Za-z0-9-]+)")

_OUT_OF_ORDER = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "THROTTLED"})
"""RFC 5530, section 3; THROTTLED is Google's and Microsoft's. What was asked for is not the reason."""

_TEMPORARY_CODES = _OUT_OF_ORDER | {"SERVERBUG", "CONTACTADMIN", "OVERQUOTA"}
"""No other password cures any of these."""

_TEMPORARY_WORDS = re.compile(
    r"too many|simultaneous|try again|temporar|unavailable|throttl|rate limit|not connected", re.IGNORECASE
)
"""How servers without a code say the same. "Authenticated but not connected" is Exchange Online's."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a tagged NO or BAD, or a BYE, said: `text` is one printable line, `code` upper case or empty."""

    text: str = ""
    code: str = ""

    @classmethod
    def of(cls, raw: bytes, secrets: Iterable[str] = ()) -> Reply:
        """Clean a reply: no control characters, no `secrets`, at most `LONGEST` characters."""
        found = _CODE.match(raw)
        text = raw.decode("utf-8", "replace")
        for secret in sorted(filter(_hideable, secrets), key=len, reverse=True):
            text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
        text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        if len(text) > LONGEST:
            text = text[: LONGEST - 1].rstrip() + "…"
        return cls(text, found[1].decode("ascii").upper() if found else "")

    @property
    def out_of_order(self) -> bool:
        """Whether everything would be refused now. SERVERBUG is not among them: one mail can cause it."""
        return self.code in _OUT_OF_ORDER

    @property
    def temporary(self) -> bool:
        """Whether the server only says: not now."""
        if self.code in {"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED"}:
            return False
        return self.code in _TEMPORARY_CODES or bool(_TEMPORARY_WORDS.search(self.text))


def _hideable(secret: str) -> bool:
    return len(secret) > 2  # shorter ones would blot out the sentence and hide nothing


def sentence(where: str, what: str, reply: str = "", remedy: str = "") -> str:
    """Put an error's message together: where, what, the server's own words, and what to do."""
    said = f"{where}: {what}" + (f": {reply.rstrip('.')}" if reply else "")
    return f"{said}; {remedy}" if remedy else said
