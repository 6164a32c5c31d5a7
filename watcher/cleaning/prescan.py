"""Hostile HTML, found before any engine sees it, in linear passes over the raw text.

Every HTML engine has an input that it answers in quadratic time or memory: tags nested deep, thousands
of attributes on one tag, thousands of formatting tags left open. The limits lie far above any
newsletter. What exceeds them is read by `strip_tags`, which needs no tree and loses no text.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A tag as the HTML standard's tokenizer cuts it: a quote opens a value only after an equals sign.
_TAG = re.compile(
    r"<(/?)([a-zA-Z][^\s/>]*+)((?>[^>\"'=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')|[\"'=])*+)>?"
    r"|<!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|<[!?/][^>]*+>?",
    re.DOTALL,
)
_NAME = re.compile(r"<(/?[a-zA-Z][^\s/>]*+)")
_INSIDE = re.compile(r"(?>[^>\"'=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')|[\"'=])*+")
_ATTRIBUTE = re.compile(r"[^\s/=]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'>]*+))?")

_RAW_TEXT = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"})
_UNSEEN = frozenset({"script", "style", "title", "iframe", "noembed", "noframes", "svg", "template"})
_VOID = frozenset(
    {
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    }
)
# Their end tag may be left out: what is open of them hangs in a table or list that is counted itself.
_IMPLIED = frozenset(
    {"dd", "dt", "li", "optgroup", "option", "p", "tbody", "td", "tfoot", "th", "thead", "tr"}
)
_UNCOUNTED = _VOID | _IMPLIED
_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)
_INLINE = _FORMATTING | {
    "abbr",
    "bdi",
    "bdo",
    "cite",
    "del",
    "ins",
    "label",
    "mark",
    "q",
    "span",
    "sub",
    "sup",
    "wbr",
}


@dataclass(frozen=True, slots=True)
class HtmlLimits:
    """What the engine is given at most."""

    characters: int = 5_000_000
    tags: int = 100_000  # start and end tags; no engine minds, but a walk in Python takes a second
    depth: int = 1_000
    formatting: int = 200  # formatting tags open at once
    attributes: int = 256  # of one tag
    roots: int = 200  # <html> and <body> tags
    options: int = 1_000


def over_limit(source: str, limits: HtmlLimits = HtmlLimits()) -> str:
    """Say which limit the source exceeds; empty when an engine may have it.

    Ordinary mail is settled by counting: it has fewer tags than may be open at once, and no long stretch
    between two `<`. Only what is not settled is read tag by tag.
    """
    if len(source) > limits.characters:
        return f"the HTML has more than {limits.characters:,} characters"
    names = _NAME.findall(source)
    if len(names) > limits.tags:
        return f"the HTML has more than {limits.tags:,} tags"
    counts: Counter[str] = Counter()
    for name, times in Counter(names).items():
        counts[name.lower()] += times
    if counts["html"] + counts["body"] > limits.roots:
        return "the document's root is repeated"
    if counts["option"] + counts["optgroup"] > limits.options:
        return f"the HTML has more than {limits.options:,} options"
    nested = sum([n for name, n in counts.items() if name[0] != "/" and name not in _UNCOUNTED])
    formatting = sum([counts[name] for name in _FORMATTING])
    stretches = source.split("<")
    if (
        nested <= limits.depth
        and formatting <= limits.formatting
        and len(stretches) - len(names) <= limits.depth  # a `<` inside an attribute is none of a tag
        and not any(len(each) > 2 * limits.attributes and _is_crowded(each, limits) for each in stretches)
    ):
        return ""
    return _read(source, limits)


def _is_crowded(tag: str, limits: HtmlLimits) -> bool:
    """Whether what begins behind a `<` has more attributes than a tag may have."""
    inside = _INSIDE.match(tag)
    if inside is None or inside.end() <= 2 * limits.attributes:
        return False
    return sum(1 for _ in _ATTRIBUTE.finditer(inside.group())) > limits.attributes


def _read(source: str, limits: HtmlLimits) -> str:
    """Follow what is open. An end tag closes only its own name, so a foreign one cannot hide an open tag."""
    is_open: Counter[str] = Counter()
    depth = formatting = 0
    for closing, name, inside in _tags(source):
        if len(inside) > 2 * limits.attributes and _is_crowded(inside, limits):
            return f"a tag has more than {limits.attributes} attributes"
        if name in _UNCOUNTED or (closing and not is_open[name]):
            continue
        step = -1 if closing else 1
        is_open[name] += step
        depth += step
        formatting += step * (name in _FORMATTING)
        if depth > limits.depth:
            return f"more than {limits.depth:,} tags are open at once"
        if formatting > limits.formatting:
            return f"more than {limits.formatting} formatting tags are open at once"
    return ""


def _tags(source: str) -> Iterator[tuple[bool, str, str]]:
    """Each tag outside comments: (is an end tag, lower-case name, what stands between name and `>`).

    Inside elements whose content is raw text an engine may or may not see tags (in `<svg>` it does), so
    start tags count there and end tags do not.
    """
    raw = ""
    for match in _TAG.finditer(source):
        name = (match.group(2) or "").lower()
        if not name:
            continue
        closing = bool(match.group(1))
        if raw and closing:
            if name != raw:
                continue
            raw = ""
        elif not closing and not raw and name in _RAW_TEXT:
            raw = name
        yield closing, name, match.group(3)


def strip_tags(source: str) -> str:
    """The text of HTML without building a tree: tags become spaces or line ends, entities are decoded.

    Linear. For what no engine may have; what is inside script, style and the like is not text.
    """
    pieces: list[str] = []
    at, unseen = 0, ""
    for match in _TAG.finditer(source):
        if not unseen:
            pieces.append(source[at : match.start()])
        at = match.end()
        name = (match.group(2) or "").lower()
        if unseen:
            if match.group(1) and name == unseen:
                unseen = ""
        elif not match.group(1) and name in _UNSEEN:
            unseen = name
        elif name and name not in _INLINE:
            pieces.append("\n")
    if not unseen:
        pieces.append(source[at:])
    lines = (" ".join(line.split()) for line in html.unescape("".join(pieces)).split("\n"))
    return "\n".join(line for line in lines if line)
