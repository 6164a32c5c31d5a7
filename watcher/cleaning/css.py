"""Inline styles through an allow-list, what a style hides, and what a style sheet would have fetched.

A property passes when its name is on the list and its value is made of nothing but words, numbers,
colours and quoted font names. A filter of names alone lets `background-color:url(...)` through.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PROPERTIES = frozenset(
    """
    background-color border border-bottom border-bottom-color border-bottom-style border-bottom-width
    border-collapse border-color border-left border-left-color border-left-style border-left-width
    border-radius border-right border-right-color border-right-style border-right-width border-spacing
    border-style border-top border-top-color border-top-style border-top-width border-width color
    direction display font-family font-size font-style font-variant font-weight height letter-spacing
    line-height margin margin-bottom margin-left margin-right margin-top max-width min-width padding
    padding-bottom padding-left padding-right padding-top text-align text-decoration text-indent text-
    transform vertical-align white-space width word-break word-spacing word-wrap
    """.split()  # noqa: SIM905 - names in the order of the alphabet read best as one text
)
# No backslash, no @, no comment, no function but a colour: what could load, run or overlay cannot be spelled.
_VALUE = re.compile(
    r"(?:[a-z0-9#.,%+ !\"'-]|rgba?\([0-9.,% /]{1,40}\)|hsla?\([0-9a-z.,% /]{1,40}\)){1,200}", re.IGNORECASE
)
_DISPLAY = frozenset(
    {"block", "inline", "inline-block", "table", "table-row", "table-cell", "table-row-group", "list-item"}
)
_NEGATIVE = re.compile(r"(?:^|[ ,])-\s*[.0-9]")
_VANISHING = re.compile(r"0*(?:\.0+)?(?:px|pt|em|rem|%|ex|vw)?")
_MAX_STYLE = 4_000

_HIDING = re.compile(
    r"(?<![\w-])(?:display\s*:\s*none|visibility\s*:\s*hidden"
    r"|(?:max-height\s*:\s*0(?:px|em|pt|%)?|opacity\s*:\s*0(?:\.0{1,4})?)\s*(?:!|;|$))",
    re.IGNORECASE,
)
_HIDING_WORDS = ("none", "hidden", "max-height", "opacity")  # without one of them there is nothing to find
_OUTLOOK_HIDING = re.compile(r"mso-hide\s*:\s*all", re.IGNORECASE)
_SIZE_MAX = 2  # pixels; a picture no larger than this shows nothing
_SMALL = re.compile(r"(?<![\w-])(?:width|height)\s*:\s*([0-9]{1,4})(?![0-9%e])", re.IGNORECASE)
_HOST = re.compile(
    r"\s*(?:https?:)?[/\\]{2}(?:[^/?#@\s]*@)?(\[[0-9a-f:.]+\]|[^/?#:\s\\\[\]]+)", re.IGNORECASE
)
_URL = re.compile(r"url\(\s{0,20}[\"']?([^\"'()\s]{1,2000})", re.IGNORECASE)
_SHEET_URL = re.compile(
    r"(@import|@font-face|url\()\s{0,20}(?:url\(\s{0,20})?[\"']?([^\"'()\s;{]{0,2000})", re.IGNORECASE
)


def safe_style(style: str) -> str:
    """The declarations that may stay, as `name:value;name:value`; empty when none may."""
    if len(style) > _MAX_STYLE or "/*" in style:
        return ""
    return ";".join(filter(None, map(_declaration, style.split(";")))).replace('"', "'")


@lru_cache(maxsize=4096)  # the same few hundred declarations fill every newsletter
def _declaration(text: str) -> str:
    name, _, value = text.partition(":")
    name, value = name.strip().lower(), " ".join(value.split())
    return f"{name}:{value}" if name in _PROPERTIES and _allowed(name, value) else ""


def _allowed(name: str, value: str) -> bool:
    if _VALUE.fullmatch(value) is None:
        return False
    bare = value.lower().replace("!important", "").strip()
    if name == "display":
        return bare in _DISPLAY
    if name.startswith("margin") or name in {"text-indent", "letter-spacing", "word-spacing", "line-height"}:
        return _NEGATIVE.search(bare) is None and not (name == "line-height" and _VANISHING.fullmatch(bare))
    if name in {"font-size", "height", "width", "max-width"}:
        return _VANISHING.fullmatch(bare) is None
    return True


def hides(style: str) -> bool:
    """Whether a browser would not show the element. `font-size:0` is no sign: it wraps whole mails."""
    low = style.lower()
    return any(word in low for word in _HIDING_WORDS) and _HIDING.search(low) is not None


def hides_in_outlook(style: str) -> bool:
    """Whether Outlook alone would not show it: a preheader at the top, a button for the others below."""
    return _OUTLOOK_HIDING.search(style) is not None


def is_tiny(style: str) -> bool:
    """Whether a style makes a picture too small to see."""
    sizes = _SMALL.findall(style) if "idth" in style or "eight" in style else ()
    return any(int(size) <= _SIZE_MAX for size in sizes)


def references(style: str) -> list[str]:
    """The URLs that an inline style would have loaded."""
    return _URL.findall(style) if "(" in style else []


def sheet_references(sheet: str) -> list[tuple[str, str]]:
    """What a `<style>` element would have loaded: (kind, host) for each; kind is css or font."""
    found: list[tuple[str, str]] = []
    low = sheet.lower()
    if "url(" not in low and "@import" not in low:
        return found
    in_font = 0  # end of the @font-face block that we are in
    for match in _SHEET_URL.finditer(sheet):
        word, url = match.group(1).lower(), match.group(2)
        if word == "@font-face":
            in_font = (
                sheet.find("}", match.end())
                if "}" in sheet[match.end() : match.end() + 20_000]
                else len(sheet)
            )
            continue
        host = host_of(url)
        if host:
            found.append(("font" if match.start() < in_font else "css", host))
    return found


def host_of(url: str) -> str:
    """Find the host of a URL that leads to the network, in lower case; empty for data:, cid:, a path."""
    match = _HOST.match(url)
    return match.group(1).lower() if match is not None else ""
