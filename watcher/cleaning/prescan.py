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
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# A tag as the HTML standard's tokenizer cuts it: a quote opens a value only after an equals sign.
_TAG = re.compile(
    r"<(/?)([a-zA-Z][^\s/>]*+)((?>[^>\"'=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')|[\"'=])*+)>?"
    r"|<!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|<[!?/][^>]*+>?",
    re.DOTALL,
)
# The same, of which only the name is wanted; empty for what is no tag.
_TAG_NAME = re.compile(
    r"<(?:(/?[a-zA-Z][^\s/>]*+)(?>[^>\"'=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')|[\"'=])*+>?"
    r"|!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|[!?/][^>]*+>?)",
    re.DOTALL,
)
_NAME = re.compile(r"<(/?[a-zA-Z][^\s/>]*+)")
_REPEATED = re.compile(r"<(?:[hH][tT]|[bB][oO]|[oO][pP])")  # <html>, <body>, <option>, <optgroup> begin so
_INSIDE = re.compile(r"(?>[^>\"'=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')|[\"'=])*+")
_ATTRIBUTE = re.compile(r"[^\s/=]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'>]*+))?")

# Quick counts, which may find too many and never too few: of the tags that have a limit of their own, by
# their first letters and then by name; and of those that may be nested, with each `<` that begins no tag.
_LETTERS = re.compile(r"<(?:[acefnosuACEFNOSU]|[bB](?![rR])|[hH][tT]|[iI](?![mM])|[tT][tT])")
# Both cases are written out here: `re.IGNORECASE` would take half as long again.
_LIMITED = re.compile(
    r"<(?:[aAbBiIsSuU]|[bB][iI][gG]|[cC][oO][dD][eE]|[eE][mM]|[fF][oO][nN][tT]|[nN][oO][bB][rR]|[tT][tT]"
    r"|[sS][mM][aA][lL][lL]|[sS][tT][rR](?:[iI][kK][eE]|[oO][nN][gG])"
    r"|[hH][tT][mM][lL]|[bB][oO][dD][yY]|[oO][pP][tT](?:[iI][oO][nN]|[gG][rR][oO][uU][pP]))(?![^\s/>])"
)
_NESTING = re.compile(r"<(?!/[a-z]|(?:t[dr]|tbody|p|br|img)[\s/>])", re.IGNORECASE)

# What hides from a reader of stretches between two `<` that they belong to one tag: a `<` before the tag's
# `>`, or a `>` in a value. In a short source no engine minds.
_HIDING = (
    re.compile(r"<[a-zA-Z][^<>]*+<"),
    re.compile(r"=\s*+(?:\"[^\">]*+>|'[^'>]*+>)"),
)
_SHORT: Final = 65_536  # characters: 16,000 attributes at most, a third of a second in the engine

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
    links: int = 2_000  # of one mail, in the table of links


USUAL: Final = HtmlLimits()


def over_limit(source: str, limits: HtmlLimits = USUAL) -> str:
    """Say which limit the source exceeds; empty when an engine may have it.

    Ordinary mail is settled by counting: it has fewer tags than may be open at once, and no tag so long that
    it could be crowded. Only what is not settled is counted by name, and then read tag by tag.
    """
    if len(source) > limits.characters:
        return f"the HTML has more than {limits.characters:,} characters"
    few, crowded = _has_few_tags(source, limits), _has_crowded_tag(source, limits)
    if few and not crowded:
        return ""
    problem = _count(source, limits)
    if not problem and crowded:
        problem = _look_into_tags(source, limits)
    return problem if problem or few else _read(source, limits)


def _count(source: str, limits: HtmlLimits) -> str:
    """Say which limit on the number of tags is exceeded, wherever they stand."""
    least = min(limits.roots, limits.options)
    if source.count("<") <= limits.tags and len(_REPEATED.findall(source)) <= least:
        return ""
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
    return ""


def _has_few_tags(source: str, limits: HtmlLimits) -> bool:
    """Whether no limit on tags can be exceeded; quick, and sure only when it says so."""
    tags = source.count("<")
    if tags > limits.tags or (tags > limits.depth and len(_NESTING.findall(source)) > limits.depth):
        return False
    few = min(limits.formatting, limits.roots, limits.options)
    return tags <= few or len(_LETTERS.findall(source)) <= few or len(_LIMITED.findall(source)) <= few


def _has_crowded_tag(source: str, limits: HtmlLimits) -> bool:
    """Whether any stretch from one `<` to the next begins with a tag of too many attributes, or may hide one.

    A short stretch holds few attributes: from each `<` we step back to the last one within that length, and
    look only where there is none.
    """
    if len(source) > _SHORT and any(each.search(source) for each in _HIDING):
        return True
    length = 2 * limits.attributes
    at, end = source.find("<"), len(source)
    while -1 < at < end - length:
        following = source.rfind("<", at + 1, at + length + 2)
        if following < 0:
            following = source.find("<", at + length)
            if _is_crowded(source[at + 1 : following if following > 0 else end], limits):
                return True
        at = following
    return False


def _is_crowded(tag: str, limits: HtmlLimits) -> bool:
    """Whether what begins behind a `<` has more attributes than a tag may have."""
    inside = _INSIDE.match(tag)
    if inside is None or inside.end() <= 2 * limits.attributes:
        return False
    return sum(1 for _ in _ATTRIBUTE.finditer(inside.group())) > limits.attributes


def _read(source: str, limits: HtmlLimits) -> str:
    """Follow what is open. An end tag closes only its own name, so a foreign one cannot hide an open tag."""
    is_open: dict[str, int] = {}
    depth = formatting = 0
    for step, name in _counted_tags(source):
        if step < 0 and not is_open.get(name):
            continue
        is_open[name] = is_open.get(name, 0) + step
        depth += step
        if name in _FORMATTING:
            formatting += step
        if depth > limits.depth:
            return f"more than {limits.depth:,} tags are open at once"
        if formatting > limits.formatting:
            return f"more than {limits.formatting} formatting tags are open at once"
    return ""


def _counted_tags(source: str) -> Iterator[tuple[int, str]]:
    """Each tag outside comments that opens (1) or closes (-1) what is counted, and its name in lower case.

    Inside elements whose content is raw text an engine may or may not see tags (in `<svg>` it does), so
    start tags count there and end tags do not.
    """
    raw = ""
    known: dict[str, tuple[int, str]] = {"": (0, "")}  # a mail has few names, and each of them often
    for written in _TAG_NAME.findall(source):
        tag = known.get(written)
        if tag is None:
            tag = known[written] = _counted(written)
        step, name = tag
        if not step:
            continue
        if step < 0:
            if raw and name != raw:
                continue
            raw = ""
        elif not raw and name in _RAW_TEXT:
            raw = name
        yield tag


def _counted(written: str) -> tuple[int, str]:
    name = written.lstrip("/").lower()
    if name in _UNCOUNTED:
        return 0, name
    return -1 if written[0] == "/" else 1, name


def _look_into_tags(source: str, limits: HtmlLimits) -> str:
    """Say that a tag outside comments has too many attributes."""
    for match in _TAG.finditer(source):
        inside = match.group(3) or ""
        if len(inside) > 2 * limits.attributes and _is_crowded(inside, limits):
            return f"a tag has more than {limits.attributes} attributes"
    return ""


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
