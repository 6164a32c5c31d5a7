"""Which pictures of a mail are worth asking for, and which are there to report the reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from selectolax.lexbor import LexborHTMLParser

from watcher.cleaning.links import clean_url, tracker_of
from watcher.cleaning.pictures import is_pixel
from watcher.cleaning.policy import Policy
from watcher.cleaning.prescan import over_limit
from watcher.record import LinkAction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watcher.cleaning import Identity

MOST: Final = 50
"""Pictures of one mail that are asked for."""

_LONGEST: Final = 4_000  # characters of a URL


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to ask for, by the URL that the mail has, and why the rest is left alone."""

    urls: Mapping[str, str] = field(default_factory=dict)  # as written -> as it is asked for
    refusals: Mapping[str, str] = field(default_factory=dict)


def wanted(html: str, identity: Identity) -> Wanted:
    """Choose among the pictures of a mail's HTML; in the order of the document."""
    urls: dict[str, str] = {}
    refusals: dict[str, str] = {}
    if over_limit(html):
        return Wanted()
    for source, attributes in _sources(LexborHTMLParser(html)):
        if source in urls or source in refusals:
            continue
        asked, refusal = _judged(source, attributes, identity)
        if refusal:
            refusals[source] = refusal
        elif len(urls) >= MOST:
            refusals[source] = f"the mail has more than {MOST} pictures"
        else:
            urls[source] = asked
    return Wanted(urls, refusals)


def _sources(tree: LexborHTMLParser) -> Iterator[tuple[str, Mapping[str, str | None]]]:
    for node in tree.css("img[src], [background]"):
        name = "src" if node.tag == "img" else "background"
        source = (node.attributes.get(name) or "").strip()
        if source[:4].lower() == "http":
            yield source, node.attributes if node.tag == "img" else {}


def _judged(source: str, attributes: Mapping[str, str | None], identity: Identity) -> tuple[str, str]:
    """The URL to ask for, or why not."""
    if len(source) > _LONGEST:
        return "", "its address is too long"
    if is_pixel(attributes):
        return "", "it is too small to be seen"
    if refusal := personal(source, identity):
        return "", refusal
    verdict = clean_url(source, identity, Policy.UNWRAP)
    if verdict.action is LinkAction.REMOVED or not verdict.url:
        return "", "its address cannot be told from a reader's own"
    return verdict.url, ""


def personal(url: str, identity: Identity) -> str:
    """Why a URL would tell who asks, also one that a redirect leads to; empty where nothing is known."""
    if tracker_of(url) is not None:
        return "it is a tracker's"
    return "its address names the reader" if identity.carried_by(url) else ""
