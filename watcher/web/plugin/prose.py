"""The clean text as paragraphs: the little Markdown that the cleaning writes, and nothing else, as markup.

The text comes from strangers. It is cut into pieces first and each piece is escaped, so markup can only come
from here; a Markdown link becomes an anchor for http and https alone, an image never becomes one. All
expressions below exclude their own delimiters, which keeps them linear on hostile text.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST: Final = 3  # levels of emphasis, or of quotation, inside each other; deeper ones are left as written

_INLINE: Final = re.compile(
    r"""
      \\(?P<literal>[!-/:-@\[-`{-~])
    | \[(?P<mark>link[ ]removed|redacted)\]
    | \[(?P<label>(?:[^\[\]\\]|\\.|\[link[ ]removed\]|\[redacted\])+)\]\((?P<target>https?://(?:[^\s()<>"]|\([^\s()<>"]*\))+)\)
    | <(?P<address>https?://[^\s<>"]+)>
    | \*\*(?P<strong>[^*\n]+)\*\*
    | \*(?P<stress>[^*\s](?:[^*\n]*[^*\s])?)\*
    """,
    re.VERBOSE | re.IGNORECASE,
)
# h1 is the subject and h2 the part of the page, so a newsletter's own headings begin at h3.
_HEADLINE: Final = Markup('<h3 dir="auto">{}</h3>')
_SUBHEAD: Final = Markup('<h4 dir="auto">{}</h4>')
_LINK: Final = Markup('<a href="{}" rel="noopener noreferrer nofollow">{}</a>')
_EMPHASIS: Final = {"strong": Markup("<strong>{}</strong>"), "stress": Markup("<em>{}</em>")}

_HEADING: Final = re.compile(r"(#{1,6})\s+(.*)")
_ITEM: Final = re.compile(r"\s{0,8}(?:[-*+•]|(?P<number>\d{1,4})[.)])\s+(?P<text>.*)")
_QUOTE: Final = re.compile(r"\s{0,3}>\s?(.*)")
_RULE: Final = re.compile(r"\s*(?:-\s*){3,}$|\s*(?:\*\s*){3,}$|\s*(?:_\s*){3,}$")


def prose(text: str | None) -> Markup:
    """Turn Markdown-flavoured text into safe markup: paragraphs, headings, lists, quotations, links."""
    return Markup("\n").join(_blocks((text or "").splitlines()))


def _blocks(lines: list[str], depth: int = 0) -> Iterator[Markup]:
    for sort, group in groupby(lines, _sort_of):
        block = list(group)
        if sort == "rule":
            yield Markup("<hr>")
        elif sort == "heading":
            yield from map(_heading, block)
        elif sort in {"ul", "ol"}:
            yield _list(sort, block)
        elif sort == "quote" and depth < _DEEPEST:
            inner = [match.group(1) for line in block if (match := _QUOTE.match(line))]
            yield Markup("<blockquote>{}</blockquote>").format(Markup("\n").join(_blocks(inner, depth + 1)))
        elif sort:
            yield Markup('<p dir="auto">{}</p>').format(Markup("<br>").join(map(_inline, block)))


def _sort_of(line: str) -> str:
    if not line.strip():
        return ""
    if _RULE.match(line):
        return "rule"
    if _HEADING.match(line):
        return "heading"
    if item := _ITEM.match(line):
        return "ol" if item["number"] else "ul"
    return "quote" if _QUOTE.match(line) else "p"


def _heading(line: str) -> Markup:
    match = _HEADING.match(line)
    if match is None:
        raise AssertionError(line)
    form = _HEADLINE if len(match[1]) <= 2 else _SUBHEAD
    return form.format(_inline(match[2].rstrip(" #")))


def _list(tag: str, lines: list[str]) -> Markup:
    items = [match for line in lines if (match := _ITEM.match(line))]
    body = Markup("").join(Markup('<li dir="auto">{}</li>').format(_inline(item["text"])) for item in items)
    if tag == "ul":
        return Markup("<ul>{}</ul>").format(body)
    return Markup('<ol start="{}">{}</ol>').format(int(items[0]["number"]), body)


def _inline(text: str, depth: int = 0) -> Markup:
    pieces: list[Markup] = []
    end = 0
    for match in _INLINE.finditer(text):
        pieces += escape(text[end : match.start()]), _piece(match, depth)
        end = match.end()
    return Markup("").join([*pieces, escape(text[end:])])


def _piece(match: re.Match[str], depth: int) -> Markup:
    if mark := match["mark"]:
        return Markup('<span class="gone">{}</span>').format(mark.lower())
    if target := match["target"] or match["address"]:
        label = match["label"] or target
        return _LINK.format(target, _inline(label, depth + 1) if match["label"] else label)
    for name, form in _EMPHASIS.items():
        if words := match[name]:
            return form.format(_inline(words, depth + 1)) if depth < _DEEPEST else escape(match[0])
    return escape(match["literal"])
