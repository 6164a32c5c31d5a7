"""The clean text as paragraphs: the little Markdown that the cleaning writes, and nothing else, as markup.

The text comes from strangers. It is cut into pieces first and each piece is escaped, so markup can only come
from here; a Markdown link becomes an anchor for http, https and mailto alone, an image never becomes one. All
expressions below exclude their own delimiters, which keeps them linear on hostile text.
"""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST: Final = 3  # levels of emphasis or quotation inside each other; deeper ones are left as written

# What the cleaning writes: a backslash before what would be active, its two marks, links with a plain or an
# angled target, addresses alone, and strong, emphasis and code in this order inside each other.
_INLINE: Final = re.compile(
    r"""
      \\(?P<literal>[\[\]()!:<|])
    | \[(?P<mark>link[ ]removed|redacted)\]
    | \[(?P<label>(?:[^\[\]\\]|\\.|\[(?:link[ ]removed|redacted)\])+)\]
      \((?:<(?P<angled>(?:https?://|mailto:)[^<>"]+)>|(?P<target>(?:https?://|mailto:)[^\s()<>"]+))\)
    | (?P<address>https?://[^\s()<>"]+[^\s()<>"'.,;:!?])
    | \*\*(?P<strong>[^*\n]+)\*\*
    | (?<!\w)_(?P<stress>[^_\n]+)_(?!\w)
    | `(?P<code>[^`\n]+)`
    """,
    re.VERBOSE | re.IGNORECASE,
)
# h1 is the subject and h2 the part of the page, so a newsletter's own headings begin at h3.
_HEADLINE: Final = Markup('<h3 dir="auto">{}</h3>')
_SUBHEAD: Final = Markup('<h4 dir="auto">{}</h4>')
_LINK: Final = Markup('<a href="{}" rel="noopener noreferrer nofollow">{}</a>')
_EMPHASIS: Final = {
    "strong": Markup("<strong>{}</strong>"),
    "stress": Markup("<em>{}</em>"),
    "code": Markup("<code>{}</code>"),
}
_ITEM_AT: Final = (Markup('<li dir="auto">{}</li>'), Markup('<li dir="auto" class="deeper">{}</li>'))
_TABLE: Final = Markup('<div class="scroll" tabindex="0"><table>{}<tbody>{}</tbody></table></div>')

_FENCE: Final = "```"
_HEADING: Final = re.compile(r"(#{1,6})\s+(.*)")
_ITEM: Final = re.compile(r"(?P<indent>\s{0,40})(?:[-*+•]|(?P<number>\d{1,4})[.)])\s+(?P<text>.*)")
_QUOTE: Final = re.compile(r"\s{0,3}>\s?(.*)")
_RULE: Final = re.compile(r"\s*(?:-\s*){3,}$|\s*(?:\*\s*){3,}$|\s*(?:_\s*){3,}$")
_ROW: Final = re.compile(r"\|(.*)\|\s*$")
_ROW_RULE: Final = re.compile(r"\|(?: --- \|)+\s*$")
_CELL_END: Final = re.compile(r"(?<!\\)\|")


def prose(text: str | None) -> Markup:
    """Turn Markdown-flavoured text into safe markup: paragraphs, headings, lists, tables, links."""
    return Markup("\n").join(_blocks((text or "").split("\n")))


def _blocks(lines: list[str], depth: int = 0) -> Iterator[Markup]:
    for sort, group in groupby(_sorted_out(lines), key=itemgetter(0)):
        block = [line for _, line in group]
        if sort == "rule":
            yield Markup("<hr>")
        elif sort == "quote" and depth < _DEEPEST:
            inner = [match.group(1) for line in block if (match := _QUOTE.match(line))]
            yield Markup("<blockquote>{}</blockquote>").format(Markup("\n").join(_blocks(inner, depth + 1)))
        elif sort in _FORMS:
            yield _FORMS[sort](block)
        elif sort:
            yield Markup('<p dir="auto">{}</p>').format(Markup("<br>").join(map(_inline, block)))


def _sorted_out(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Say of each line which sort of block it belongs to; empty for the gap between two blocks."""
    fenced = False
    for line in lines:
        if line.strip() == _FENCE:
            fenced = not fenced
            yield "", line
        else:
            yield "fenced" if fenced else _sort_of(line), line


def _sort_of(line: str) -> str:
    if not line.strip():
        return ""
    for sort, form in (("rule", _RULE), ("heading", _HEADING), ("table", _ROW), ("quote", _QUOTE)):
        if form.match(line):
            return sort
    if item := _ITEM.match(line):
        return "ol" if item["number"] else "ul"
    return "p"


def _headings(lines: list[str]) -> Markup:
    found = [match.groups() for line in lines if (match := _HEADING.match(line))]
    return Markup("\n").join(
        (_HEADLINE if len(signs) <= 2 else _SUBHEAD).format(_inline(words.rstrip(" #")))
        for signs, words in found
    )


def _bullets(lines: list[str]) -> Markup:
    return Markup("<ul>{}</ul>").format(_items(lines))


def _numbers(lines: list[str]) -> Markup:
    first = _ITEM.match(lines[0])
    return Markup('<ol start="{}">{}</ol>').format(int(first["number"]) if first else 1, _items(lines))


def _items(lines: list[str]) -> Markup:
    items = [match for line in lines if (match := _ITEM.match(line))]
    return Markup("").join(_ITEM_AT[len(item["indent"]) >= 2].format(_inline(item["text"])) for item in items)


def _table(lines: list[str]) -> Markup:
    ruled = len(lines) > 1 and _ROW_RULE.match(lines[1]) is not None
    head = _cells(lines[0], Markup("<th>{}</th>")) if ruled and lines[0].strip("| ") else Markup()
    rows = (_cells(line, Markup("<td>{}</td>")) for line in lines[2 if ruled else 0 :])
    return _TABLE.format(Markup("<thead>{}</thead>").format(head) if head else head, Markup("").join(rows))


def _cells(line: str, form: Markup) -> Markup:
    cells = _CELL_END.split(line.strip().removeprefix("|").removesuffix("|"))
    return Markup("<tr>{}</tr>").format(Markup("").join(form.format(_inline(cell.strip())) for cell in cells))


def _fenced(lines: list[str]) -> Markup:
    return Markup("<pre>{}</pre>").format("\n".join(lines))


_FORMS: Final = {
    "heading": _headings,
    "ul": _bullets,
    "ol": _numbers,
    "table": _table,
    "fenced": _fenced,
}


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
    if target := match["target"] or match["angled"]:
        return _LINK.format(target, _inline(match["label"], depth + 1))
    if address := match["address"]:
        return _LINK.format(address, address) if depth == 0 else escape(address)
    for name, form in _EMPHASIS.items():
        if words := match[name]:
            return form.format(_inline(words, depth + 1)) if depth < _DEEPEST else escape(match[0])
    return escape(match["literal"])
