"""The HTML of a mail, made into a page that names nobody and needs nothing.

Three things happen to it and no more, for the picture is to show what the reader saw: the subscriber is
taken out, what could load, run or be followed is taken out, and pictures become the mail's own parts or
boxes. None of this keeps the browser from the network: that is the browser's own cage (`browser`,
`isolation`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser

from watcher.cleaning.anchors import Links
from watcher.cleaning.pictures import is_pixel
from watcher.cleaning.policy import Policy
from watcher.cleaning.prescan import over_limit
from watcher.cleaning.rules import load
from watcher.message.sniffing import media_type_of
from watcher.rendering.attributes import keep_drawn, without_addresses
from watcher.rendering.model import source_of
from watcher.rendering.placeholder import box

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from selectolax.lexbor import LexborNode

    from watcher.cleaning import Identity

DRAWN: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"})
"""Media types, by their bytes, that are given to the browser. SVG is not: it holds text and references."""

_GONE: Final = (
    "script, link, base, meta, iframe, frame, frameset, object, embed, applet, audio, video, source, track, "
    "template, portal, fencedframe, dialog"
)
# What a mail program gives a mail that says nothing of its own; first of all, so that anything is stronger.
_LOOK: Final = "<style>html{background:#fff}body{font-family:Arial,Helvetica,sans-serif}</style>"
_CID = re.compile(r"cid:([^\"'()\s>]{1,500})", re.IGNORECASE)
_DATA_PICTURE = re.compile(r"data:image/(?:png|jpe?g|gif|webp|bmp)[;,]", re.IGNORECASE)
_MOST_SPLIT: Final = 200  # places in one mail
_SHOWN_ATTRIBUTES: Final = ("alt", "value", "placeholder", "label")
_DOCTYPE = re.compile(r"\s*<!doctype[^>]{0,400}>", re.IGNORECASE)


class NotDrawableError(ValueError):
    """The HTML cannot be given to an engine. The sentence says why and never quotes it."""


@dataclass(frozen=True, slots=True)
class Page:
    """A document and the pictures that it shows, by their paths below the document."""

    html: str
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def prepare(
    source: str,
    identity: Identity,
    parts: Mapping[str, bytes],
    fetched: Mapping[str, bytes] | None = None,
) -> Page:
    """Make the page of a mail's HTML.

    `parts`: the mail's inline parts by Content-ID or Content-Location; `fetched`: pictures by `source_of`
    their URL, where the owner has them. Raises `NotDrawableError` for what no engine may have.
    """
    if problem := over_limit(source):
        raise NotDrawableError(problem)
    tree = LexborHTMLParser(source)
    for node in tree.css(_GONE):
        node.decompose()
    if (root := tree.root) is None:
        return Page(_LOOK)
    _without_comments(root)
    _without_reader(root, identity)
    pictures = _Pictures(parts, fetched or {})
    drawings = {node.mem_id for node in tree.css("svg, svg *, math, math *")}
    for node in tree.css("*"):
        _settle(node, pictures)
        keep_drawn(node, in_drawing=node.mem_id in drawings)
    # A style before <html> is parsed into its head, in front of all that the mail says itself.
    whole = tree.html or ""
    doctype = _DOCTYPE.search(whole, 0, whole.find("<html"))  # a comment may stand before it
    return Page(f"{doctype[0] if doctype is not None else ''}{_LOOK}{root.html}", pictures.shown)


class _Pictures:
    """Finds what an `<img>` or a style refers to, and remembers which of it is shown."""

    def __init__(self, parts: Mapping[str, bytes], fetched: Mapping[str, bytes]) -> None:
        self._parts = parts
        self._fetched = fetched
        self.shown: dict[str, bytes] = {}

    def part(self, reference: str) -> str:
        """The path of an inline part, by the reference behind `cid:`; empty when there is none to show."""
        return self._path(self._parts.get(unquote(reference).strip("<> ")))

    def of(self, source: str) -> str:
        """The URL to show for an `<img>`'s source; empty when it is to be a box."""
        if source[:4].lower() == "cid:":
            return self.part(source[4:])
        if _DATA_PICTURE.match(source):
            return source
        return self._path(self._fetched.get(source_of(source)) or self._parts.get(source))

    def _path(self, content: bytes | None) -> str:
        if content is None or media_type_of(content) not in DRAWN:
            return ""
        path = next((path for path, each in self.shown.items() if each is content), "")
        if not path:
            path = f"part-{len(self.shown) + 1}"
            self.shown[path] = content
        return path


def _settle(node: LexborNode, pictures: _Pictures) -> None:
    """Let one element refer to nothing but what is there."""
    attributes = node.attributes
    if node.tag in {"img", "image"}:
        source = (attributes.get("src") or "").strip()
        if is_pixel(attributes) or not (shown := pictures.of(source)):
            shown = box(attributes)
        node.attrs["src"] = shown
    if style := attributes.get("style"):
        node.attrs["style"] = _inline(style, pictures)
    if (background := attributes.get("background")) is not None:
        node.attrs["background"] = pictures.of(background.strip())
    if node.tag == "style" and (sheet := node.text(deep=True)):
        _set_text(node, _inline(sheet, pictures))


def _inline(css: str, pictures: _Pictures) -> str:
    """A style with its `cid:` references led to the parts; the browser loads no others."""
    if "cid:" in css.lower():
        css = _CID.sub(lambda found: pictures.part(found[1]) or "none", css)
    return without_addresses(css)


def _without_comments(root: LexborNode) -> None:
    """Take out what is never drawn: comments, which senders fill with names of readers, and instructions."""
    for node in list(root.traverse(include_text=True)):
        if node.tag in {"-comment", None}:
            node.decompose()


def _without_reader(root: LexborNode, identity: Identity) -> None:
    """Take the subscriber, and addresses that only he was given, out of what can be seen."""
    links = Links(identity, Policy.UNWRAP, load())
    for node in list(root.traverse(include_text=True)):
        if node.tag == "-text":
            if (parent := node.parent) is not None and parent.tag != "style":
                text = node.text_content or ""
                _replace(node, text, _as_archived(text, links))
            continue
        for name in _SHOWN_ATTRIBUTES:
            if value := node.attributes.get(name):
                node.attrs[name] = _as_archived(value, links)
    if identity:
        _redact(root, identity)


def _redact(root: LexborNode, identity: Identity) -> None:
    nodes = list(root.traverse(include_text=True))
    if not identity.redact("\n".join(_texts(nodes)))[1] and not identity.redact(root.text(deep=True))[1]:
        return
    for node in nodes:
        if node.tag == "-text":
            text = node.text_content or ""
            _replace(node, text, identity.redact(text)[0])
        else:
            _redact_attributes(node, identity)
    _across_elements(root, identity)


def _redact_attributes(node: LexborNode, identity: Identity) -> None:
    for name, value in node.attributes.items():
        if value and name != "src":  # which is replaced, or never seen
            clean, found = identity.redact(value)
            if found:
                node.attrs[name] = clean


def _across_elements(root: LexborNode, identity: Identity) -> None:
    """Redact what only the joined text of several elements says: `jane@<b>example</b>.org`.

    The innermost element around it loses its inner formatting.
    """
    for _ in range(_MOST_SPLIT):
        node, text = root, root.text(deep=True)
        clean, found = identity.redact(text)
        if not found:
            return
        while True:
            for child in node.iter():
                inner = child.text(deep=True)
                inner_clean, found = identity.redact(inner)
                if found:
                    node, clean = child, inner_clean
                    break
            else:
                break
        if node.tag in {"html", "head"}:  # style sheet and text together say it: nobody sees that
            return
        _set_text(node, clean)
    raise NotDrawableError("the HTML names its reader in more pieces than can be taken out")


def _set_text(node: LexborNode, text: str) -> None:
    for child in list(node.iter(include_text=True)):
        child.decompose()
    node.insert_child(text)


def _replace(node: LexborNode, old: str, new: str) -> None:
    if new != old:
        node.replace_with(new)


def _texts(nodes: list[LexborNode]) -> Iterator[str]:
    for node in nodes:
        if node.tag == "-text":
            yield node.text_content or ""
        else:
            yield from filter(None, node.attributes.values())


def _as_archived(text: str, links: Links) -> str:
    """Return a text with the addresses of the web in it as the archive's own text shows them."""
    word = text.strip()
    if (bare := links.bare(word)) != word:
        return text.replace(word, bare)
    return links.in_text(text, register=False)[0]
