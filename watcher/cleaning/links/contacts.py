"""`mailto:`, `tel:` and `sms:` links: kept as they are unless they act for the reader or name him."""

from __future__ import annotations

import re
from urllib.parse import unquote

_LEAVING = re.compile(
    r"mailto:(?:[^?]*[-_+.])?(?:unsub|unsubscribe|optout|opt-out)|mailto:leave|mailto:[^?]*[-_+.](?:leave|signoff)@"
    r"|.*[?&](?:subject|body)=[^&]*(?:unsub|opt-?out|abmelde|abbestell|d[eé]sabonn|d[eé]sinscri|remove me)",
    re.IGNORECASE | re.DOTALL,
)
_TOKEN = re.compile(
    r"(?<![a-z0-9])(?:[0-9a-f]{24,}|(?=[a-z]*\d[a-z]*\d[a-z]*\d)[a-z0-9]{24,})", re.IGNORECASE
)

SCHEMES = ("mailto:", "tel:", "sms:")


def is_leaving(url: str) -> bool:
    """Whether the message it would write takes the reader off a list."""
    return _LEAVING.match(unquote(url)) is not None


def has_token(url: str) -> bool:
    """Whether the local part holds a long code, as addresses made for one reader do."""
    local = unquote(url.partition(":")[2].partition("?")[0]).partition("@")[0]
    return _TOKEN.search(local) is not None
