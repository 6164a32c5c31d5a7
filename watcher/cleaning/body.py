"""One body on its way through the steps: read, redact, decide, and tell its sibling what it has shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watcher.cleaning import boilerplate
from watcher.cleaning.anchors import Links
from watcher.cleaning.attributes import load_meanings
from watcher.cleaning.characters import collapse
from watcher.cleaning.document import Document
from watcher.cleaning.identity import Identity  # noqa: TC001  # a compiled dataclass looks its fields' types up
from watcher.cleaning.plain import read_plain
from watcher.cleaning.policy import Policy  # noqa: TC001  # likewise
from watcher.cleaning.prescan import USUAL, HtmlLimits, over_limit, strip_tags
from watcher.cleaning.rules import Rules  # noqa: TC001  # likewise
from watcher.cleaning.walk import read_html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.cleaning.document import Line

_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the cleaning of one mail goes by."""

    identity: Identity
    policy: Policy
    rules: Rules
    limits: HtmlLimits = USUAL

    def links(self) -> Links:
        """Begin a list of links."""
        return Links(self.identity, self.policy, self.rules)


@dataclass(slots=True)
class Body:
    """A body with its decisions made."""

    document: Document
    links: Links
    stripped: bool = False  # read without a parser: there is no HTML view
    preheader: str = ""
    redactions: int = 0
    warnings: list[str] = field(default_factory=list)

    @property
    def has_words(self) -> bool:
        """Whether any word stays."""
        return any(line.cut is None and _WORD.search(line.text) for line in self.document.lines)

    @property
    def has_only_pictures(self) -> bool:
        """Whether the words that stay are those of pictures."""
        if not self.document.images:
            return False
        kept = [run for line in self.document.lines if line.cut is None for run in line.runs]
        return not any(_WORD.search(run.text) for run in kept if not (run.image or run.note))

    def known(self) -> boilerplate.Known:
        """Tell what this body shows about its sibling. Hidden text is none: the plain part has it."""
        gone: list[str] = []
        kept: set[str] = set()
        for line in self.document.lines:
            if line.cut is None:
                kept.add(boilerplate.key(line.text))
            elif line.hidden is None or line.cut.what == "preheader":
                gone.append(boilerplate.key(line.text))
        gone.append(boilerplate.key(self.preheader))
        return boilerplate.Known(frozenset(gone) - {""}, frozenset(kept), f" {' '.join(gone)} ")


def nothing(terms: Terms) -> Body:
    """Stand in for a body that the mail does not have."""
    return Body(Document(), terms.links())


def html_body(html: str, terms: Terms) -> Body:
    """Read and decide the HTML part."""
    links = terms.links()
    excess = over_limit(html, terms.limits)
    if excess:
        body = Body(read_plain(strip_tags(html), links), links, stripped=True)
        body.warnings.append(f"{excess}: the text was taken without a parser, and there is no HTML view")
    else:
        body = Body(read_html(html, links, load_meanings()), links)
    _settle(body, terms, boilerplate.Known())
    return body


def plain_body(plain: str, terms: Terms, sibling: Body) -> Body:
    """Read and decide the plain part as the mail's text, with what its HTML sibling has shown."""
    links = sibling.links.for_sibling()
    body = Body(read_plain(plain, links), links, stripped=sibling.stripped, preheader=sibling.preheader)
    body.document.trackers[:0] = sibling.document.trackers
    body.warnings.extend(sibling.warnings)
    _settle(body, terms, sibling.known())
    return body


def _settle(body: Body, terms: Terms, known: boilerplate.Known) -> None:
    """Redact, decide, and take the preheader out."""
    lines = body.document.lines
    for line in lines:
        line.settle()
    body.redactions += _redact(lines, terms.identity)
    for line in lines:  # what is hidden before the first visible line is the preheader
        if line.hidden is None and line.node is None:
            break
        if line.hidden is not None and (line.node is None or line.node.what == "preheader"):
            line.hidden = boilerplate.PREHEADER
    body.warnings.extend(boilerplate.decide(lines, terms.rules, known))
    if not body.preheader:
        hidden = [line.text for line in lines if line.cut is not None and line.cut.what == "preheader"]
        body.preheader = collapse(" ".join(hidden))


def _redact(lines: Sequence[Line], identity: Identity) -> int:
    """Take the subscriber out of every line; one search settles the mail that does not name him."""
    if not identity or not identity.redact("\n".join([line.text for line in lines]))[1]:
        return 0
    return sum(_redact_line(line, identity) for line in lines)


def _redact_line(line: Line, identity: Identity) -> int:
    _, found = identity.redact(line.text)
    if not found:
        return 0
    for run in line.runs:
        run.text, _ = identity.redact(run.text)
    whole, spread = identity.redact(line.settle())
    if spread:
        # It was spread over runs in different formats: the line becomes one run.
        first, *others = [run for run in line.runs if not run.note]
        first.text = whole
        for run in others:
            run.text = ""
        line.settle()
    return found
