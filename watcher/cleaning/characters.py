"""Characters that a reader does not see, and tokens that a sender forgot to fill in."""

from __future__ import annotations

import re

# Invisible characters used as filler behind a preheader (U+00AD soft hyphen ... U+FEFF byte order mark).
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff"
)
_BLANK = "\u2007\u2800\u3164\uffa0"  # drawn as nothing, but as wide as a letter
_FILLER = f"{_INVISIBLE}{_BLANK}"
_ANY_FILLER = re.compile(f"[{_FILLER}]")
_FILLER_RUN = re.compile(rf"[{_FILLER}](?:[\s\xa0]*[{_FILLER}])+")
_SINGLE = re.compile(f"[{_FILLER}]")
# ZWNJ and ZWJ between two signs carry meaning in Persian, in Indic scripts and in emoji.
_JOINERS = "\u200c\u200d"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_MERGE_TAG = re.compile(
    r"\*\|[A-Za-z0-9_:.,\-/ ]{1,80}\|\*"  # Mailchimp: *|FNAME|*, *|MC_PREVIEW_TEXT|*
    r"|%%[A-Za-z0-9_]{2,60}%%"  # Salesforce: %%emailaddr%%
    r"|\{\{[ ]?[a-z_]{2,40}(?:\.[a-z_]{1,40}){0,4}[ ]?\}\}"  # Liquid and its kin: {{ subscriber.first_name }}
)
_WORD = re.compile(r"\w+")
_WORD_MASK = bytes(  # of code page 1252: what is no letter, digit or underscore becomes a space
    byte if sign == "_" or sign.isalnum() else ord(" ")
    for byte in range(256)
    for sign in (bytes((byte,)).decode("cp1252", "replace"),)
)
_WESTERN = "".join(sign for byte in range(256) if (sign := bytes((byte,)).decode("cp1252", "ignore")))
_BEYOND = re.compile(f"[^{re.escape(_WESTERN)}]")
_SPECIAL = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_FILLER}:|%}}]|//|www\\.", re.IGNORECASE)


def is_ordinary(text: str) -> bool:
    """Whether a text holds nothing that the functions below, or the link rules, could be after."""
    if text.isascii() and text.isprintable():
        return not (
            ":" in text or "|" in text or "%" in text or "}" in text or "//" in text or "ww" in text.lower()
        )
    return _SPECIAL.search(text) is None


def is_address(text: str) -> bool:
    """Whether a text could be a URL that was written without a scheme: `example.org/join`."""
    return "." in text and ("/" in text or "?" in text)


def collapse(text: str) -> str:
    """White space as a browser shows it: one space for any run, none at the ends."""
    return " ".join(text.split())


def drop_control(text: str) -> str:
    """Without C0 and C1 controls other than tab, line feed and carriage return: none of them is drawn."""
    return _CONTROL.sub("", text) if _CONTROL.search(text) else text


def drop_filler(text: str) -> tuple[str, int]:
    """Without zero-width filler; the number is how many runs of two and more stood there.

    A single joiner between two visible signs stays.
    """
    if text.isascii() or not _ANY_FILLER.search(text):
        return text, 0
    text, runs = _FILLER_RUN.subn(" ", text)
    return _SINGLE.sub(_single, text), runs


def _single(match: re.Match[str]) -> str:
    sign, text = match.group(), match.string
    if sign in _BLANK:
        return " "
    if sign not in _JOINERS:
        return ""
    start, end = match.span()
    before, after = text[max(start - 1, 0) : start], text[end : end + 1]
    return sign if before.strip() and after.strip() else ""


def drop_merge_tags(text: str) -> tuple[str, int]:
    """Without merge tags that were sent unfilled; the number is how many there were."""
    if "|*" in text or "%%" in text or "}}" in text:
        return _MERGE_TAG.subn("", text)
    return text, 0


def in_western_bytes(text: str) -> bytes | None:
    """A text in code page 1252, where a mapping cuts words in a fifth of an expression's time; else None.

    Signs that are no letters, such as emoji, become question marks: they part words either way.
    """
    try:
        return text.encode("cp1252")
    except UnicodeEncodeError:
        if any(map(str.isalnum, set(_BEYOND.findall(text)))):
            return None
        return text.encode("cp1252", "replace")


def word_set(text: str) -> set[str]:
    r"""All that `\w+` finds in a text."""
    coded = in_western_bytes(text)
    if coded is None:
        return set(_WORD.findall(text))
    return set(coded.translate(_WORD_MASK).decode("cp1252").split())
