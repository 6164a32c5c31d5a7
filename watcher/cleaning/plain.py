"""The plain part: its own conventions to lines, and the part as sent with its links treated.

Mailchimp writes `** Heading` above a rule of dashes, `text (URL)` for a link, a URL alone on its line
for a linked picture, and a rule of `=` above the footer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watcher.cleaning.characters import drop_control, drop_filler, drop_merge_tags
from watcher.cleaning.document import LINK_REMOVED, Cut, Document, Line, Run
from watcher.record import Tracker

if TYPE_CHECKING:
    from watcher.cleaning.anchors import Links

_RULE_SIGNS = "-=_*~#+\u2013\u2014\u2500\u2501"
_RULE = re.compile(rf"[{_RULE_SIGNS}]{{5,}}")
_FOOTER_RULE = re.compile(r"={20,}")
_SIGNATURE = re.compile(r"-- ?")
_STARS = re.compile(r"(?:^|(?<=\s))\*\* (?=\S)")
_QUOTE = re.compile(r"(?:>\s?){1,20}")
_ANGLED = re.compile(r"<(" + re.escape(LINK_REMOVED) + r"|https?://[^<>\s]{1,32000}|mailto:[^<>\s]{1,1000})>")
_NOT_WORDS = re.compile(
    r"[(<]?(?:\[link removed\][)>]?|(?:https?://|mailto:|tel:|sms:)[^\s<>]+>?)", re.IGNORECASE
)
_MAX_LINES = 20_000
RULE = Cut("rule", "words:rule of =")


def as_sent(plain: str, links: Links) -> str:
    """The plain part with its links treated; all else as it came (without controls)."""
    text = drop_control(plain.replace("\r\n", "\n").replace("\r", "\n"))
    contact = _mentions_contact(text)
    if contact or "//" in text:  # line by line, for no URL goes beyond its line and most lines have none
        lines = text.split("\n", _MAX_LINES)
        text = "\n".join(
            [links.in_text(line)[0] if _may_hold_url(line, contact=contact) else line for line in lines]
        )
    return _ANGLED.sub(_unangled, text) if "<" in text else text


def _may_hold_url(line: str, *, contact: bool) -> bool:
    """Whether a look for URLs can find one; `contact` tells whether the text that it is of mentions one."""
    return "//" in line or (contact and _mentions_contact(line))


def _mentions_contact(text: str) -> bool:
    """Whether a URL without `//` may stand in a text, never wrongly no: a look for what all of them have."""
    low = text.casefold()  # which also finds the long s, that an expression takes for one
    return "www." in low or "lto:" in low or "tel:" in low or "ms:" in low


def _unangled(match: re.Match[str]) -> str:
    return LINK_REMOVED if match.group(1) == LINK_REMOVED else match.group()


def read_plain(plain: str, links: Links) -> Document:
    """The lines of a plain part."""
    document = Document()
    gap = False
    text, fillers = drop_filler(drop_control(plain))
    if fillers:
        document.trackers.append(Tracker("filler", "", "zero-width"))
    text, _ = drop_merge_tags(text)
    contact = _mentions_contact(text)
    head, rest = _split(text)
    for raw in head:
        line, gap = _line(raw, links, document, gap=gap, contact=contact)
        if line is not None:
            document.lines.append(line)
            gap = False
    if rest.strip():
        line = Line(gap=True)
        rest, line.urls = links.in_text(rest)
        line.runs.append(Run(rest, line))
        document.lines.append(line)
    for line in document.lines:
        line.heading = max(0, line.heading)
    document.anchors = links.anchors
    return document


def _split(text: str) -> tuple[list[str], str]:
    """Part the lines that are looked at from an endless rest, which stays as it is."""
    if text.count("\n") + text.count("\r") <= _MAX_LINES:
        return text.splitlines(), ""
    lines = text.splitlines()
    return lines[:_MAX_LINES], "\n".join(lines[_MAX_LINES:])


def _line(
    raw: str, links: Links, document: Document, *, gap: bool, contact: bool
) -> tuple[Line | None, bool]:
    """Read one line; None for a blank one and for a rule, which leaves a gap.

    Each expression is asked only where the sign that it cannot do without stands; `contact` says whether the
    whole part may hold a URL without `//`.
    """
    content = raw.strip()
    footer = False
    if not content or content[0] in _RULE_SIGNS:
        footer = _FOOTER_RULE.fullmatch(content) is not None
        if not content or (not footer and _RULE.fullmatch(content)):
            _head(document, content)
            return None, True
    line = Line(gap=gap)
    if footer:
        line.node = RULE
    heading = content.startswith("** ") and content.count("** ") == 1
    if content[0] == ">" and (quote := _QUOTE.match(content)) is not None:
        line.quote = quote.group().count(">")
        content = content[quote.end() :]
    if "** " in content:
        content = _STARS.sub("", content)
    content = content.strip()
    if _may_hold_url(content, contact=contact):
        content, line.urls = links.in_text(content)
    content = " ".join(content.split())
    if "<" in content:
        content = _ANGLED.sub(_unangled, content)
    if heading:
        line.heading = -1  # becomes one when a rule of dashes follows
    _runs(line, content)
    return (line if line.runs else None), gap or not line.runs


def _head(document: Document, content: str) -> None:
    """Make the line above a rule of dashes a heading, where two stars stood before it."""
    last = document.lines[-1] if document.lines else None
    if last is not None and last.heading < 0:
        last.heading = 2 if content.startswith("-") else 0


def _runs(line: Line, content: str) -> None:
    """Cut a line into its words and the URLs and notes between them, which are not its words."""
    at = 0
    if "[" in content or (":" in content and _may_hold_url(content, contact=True)):
        for match in _NOT_WORDS.finditer(content):
            if match.start() > at:
                line.runs.append(Run(content[at : match.start()], line))
            line.runs.append(Run(match.group(), line, note=True))
            at = match.end()
    if at < len(content):
        line.runs.append(Run(content[at:] if at else content, line))
