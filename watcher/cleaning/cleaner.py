"""clean(): from the two bodies of a mail to what the record keeps of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.cleaning import boilerplate, markdown, summary
from watcher.cleaning.anchors import as_records
from watcher.cleaning.body import Terms, html_body, nothing, plain_body
from watcher.cleaning.identity import Identity
from watcher.cleaning.plain import as_sent
from watcher.cleaning.policy import Policy
from watcher.cleaning.prescan import USUAL, HtmlLimits
from watcher.cleaning.rules import load
from watcher.cleaning.safe_html import write_html
from watcher.record import Link, Removed, Tracker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.cleaning.body import Body
    from watcher.cleaning.document import Line

_LOOKS_LIKE_HTML = re.compile(
    r"<(?:!doctype|html|head|body|table|tbody|tr|td|div|p|br|a|span|h[1-6]|ul|ol|li|b|i|strong|em|img|font"
    r"|center|blockquote|pre|style|meta)\b[^<>]{0,2000}>|<!--",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What is left of a mail's bodies; the fields are those of `watcher.record.Record`."""

    text: str = ""
    html: str = ""
    plain: str = ""
    preheader: str = ""
    disclaimer: str = ""
    excerpt: str = ""
    language: str = ""
    words: int = 0
    reading_minutes: int = 0
    links: tuple[Link, ...] = ()
    trackers: tuple[Tracker, ...] = ()
    removed: tuple[Removed, ...] = ()
    redactions: int = 0
    warnings: tuple[str, ...] = ()


def clean(html: str, plain: str, identity: Identity, policy: Policy, limits: HtmlLimits = USUAL) -> Cleaned:
    """Clean the two bodies of one mail; either may be empty. Pure, and it takes any text.

    The text comes from the HTML if that has any visible word, else from the plain part.
    """
    terms = Terms(identity, policy, load(), limits)
    source = html_body(html, terms) if html.strip() else nothing(terms)
    safe_html = "" if source.stripped else write_html(source.document)
    sent, redactions = "", 0
    if plain:
        sent, redactions = identity.redact(as_sent(plain, source.links.for_sibling()))
    if source.has_only_pictures:
        source.warnings.append("the mail consists of pictures: its text is what stands for them, if anything")
    body = source
    if plain.strip() and not source.has_words:
        body = plain_body(plain, terms, source)
    return _cleaned(body, safe_html, sent, redactions, terms)


def to_text(source: str, sibling: str | None = "", kind: str = "") -> str:
    """Clean one body to text. `sibling` is the other body; `kind` is `html` or `text` where it is known."""
    terms = Terms(Identity.of(()), Policy.UNWRAP, load())
    if kind == "html" or (not kind and looks_like_html(source)):
        body = html_body(source, terms)
    else:
        other = html_body(sibling, terms) if sibling and looks_like_html(sibling) else nothing(terms)
        body = plain_body(source, terms, other)
    return markdown.write_text(body.document.lines)


def looks_like_html(source: str) -> bool:
    """Whether a body is HTML, told by its content."""
    return _LOOKS_LIKE_HTML.search(source) is not None


def _cleaned(body: Body, html: str, plain: str, redactions: int, terms: Terms) -> Cleaned:
    lines, anchors = body.document.lines, body.document.anchors
    most = terms.limits.links
    if len(anchors) > most:
        body.warnings.append(f"only the first {most:,} of {len(anchors):,} links are listed")
    kept = [line.text for line in lines if line.cut is None]
    visible = "\n".join(kept)
    words, language = summary.measure(visible)
    return Cleaned(
        text=markdown.write_text(lines),
        html=html,
        plain=plain,
        preheader=body.preheader,
        disclaimer="\n".join(dict.fromkeys(boilerplate.disclaimers(kept, visible))),
        excerpt=summary.excerpt(kept),
        language=language,
        words=words,
        reading_minutes=summary.reading_minutes(words),
        links=as_records(anchors[:most], terms.identity),
        trackers=tuple(body.document.trackers),
        removed=_removed(lines),
        redactions=body.redactions + redactions,
        warnings=tuple(body.warnings),
    )


def _removed(lines: Sequence[Line]) -> tuple[Removed, ...]:
    """List what was cut, one entry for neighbours that fell to the same rule."""
    found: list[Removed] = []
    for line in lines:
        if line.cut is None or not line.text:
            continue
        last = found[-1] if found else None
        if last is not None and (last.what, last.rule) == (line.cut.what, line.cut.rule):
            found[-1] = Removed(last.what, last.rule, last.chars + len(line.text))
        else:
            found.append(Removed(line.cut.what, line.cut.rule, len(line.text)))
    return tuple(found)
