"""How values are worded on the pages: dates, names of languages and statuses, text that cannot mislead.

Every function here is a template filter: a value of the store in, something to print out. Escaping is the
template's own business (autoescape is on).
"""

from __future__ import annotations

import re
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_KNOWN: Final = "n/a"  # the archive's own word for an analysis value that nobody registered

# Not from `calendar`, which words them in the language of whoever runs the server.
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

# Controls do not show, and bidirectional overrides turn a line around.
_MISLEADING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]"
)

_LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ar": "Arabic",
        "cs": "Czech",
        "da": "Danish",
        "de": "German",
        "el": "Greek",
        "en": "English",
        "es": "Spanish",
        "fa": "Persian",
        "fi": "Finnish",
        "fr": "French",
        "he": "Hebrew",
        "hi": "Hindi",
        "hu": "Hungarian",
        "it": "Italian",
        "ja": "Japanese",
        "ko": "Korean",
        "nb": "Norwegian",
        "nl": "Dutch",
        "no": "Norwegian",
        "pl": "Polish",
        "pt": "Portuguese",
        "ro": "Romanian",
        "ru": "Russian",
        "sv": "Swedish",
        "tr": "Turkish",
        "uk": "Ukrainian",
        "zh": "Chinese",
    }
)

_STATUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "verified": "the receiving server itself found it so",
        "asserted": "two or more independent marks in the mail say so",
        "hinted": "one strong mark in the mail says so",
        "contradicted": "the mail claims it, the receiving server found otherwise",
        "unknown": "nothing in the mail tells",
    }
)


def archive_date(value: str | None) -> str:
    """Word a UTC time of the store as the archive does: `October 4, 2026 3:05 PM`."""
    try:
        moment = datetime.fromisoformat(value or "")
    except ValueError:
        return NOT_KNOWN
    half = "AM" if moment.hour < 12 else "PM"
    hour = moment.hour % 12 or 12
    return f"{_MONTHS[moment.month - 1]} {moment.day}, {moment.year} {hour}:{moment.minute:02} {half}"


def short_date(value: str | None) -> str:
    """Word a UTC time of the store as a day: `4 Oct 2026`."""
    try:
        moment = datetime.fromisoformat(value or "")
    except ValueError:
        return NOT_KNOWN
    return f"{moment.day} {_MONTHS[moment.month - 1][:3]} {moment.year}"


def month_name(value: str | None) -> str:
    """Word the store's month: `2026-10` becomes `October 2026`."""
    year, _, month = (value or "").partition("-")
    if not month.isdecimal() or not 1 <= int(month) <= 12:
        return value or NOT_KNOWN
    return f"{_MONTHS[int(month) - 1]} {year}"


def language_name(code: str | None) -> str:
    """Name a language by its ISO 639-1 code, or return the code where the list above has none."""
    return _LANGUAGES.get(code or "", code or NOT_KNOWN)


def status_meaning(status: str) -> str:
    """Explain a provider's status word (`record.ProviderStatus`)."""
    return _STATUSES.get(status, "")


def calm(value: str | None) -> str:
    """Take out of a sender's words what does not print and what turns the reading direction around."""
    return _MISLEADING.sub("", value or "")


def ascii_domain(domain: str | None) -> str:
    """Show a domain in its ASCII form, so that a look-alike letter of another script is seen (RFC 5890)."""
    name = calm(domain)
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name.encode("ascii", "backslashreplace").decode("ascii")


def counted(number: int | None, one: str, many: str = "") -> str:
    """Word a number of things: `1 link`, `1,200 links`."""
    return f"{number or 0:,} {one if number == 1 else many or one + 's'}"


def web_address(url: str | None) -> str:
    """Return the URL when it may become a link to click, else an empty string."""
    return url if url and re.match(r"https?://[^\s\x00-\x1f]+$", url, re.IGNORECASE) else ""
