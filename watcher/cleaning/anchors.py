"""The links of one body: each URL's verdict, asked once, and the URLs that stand in its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watcher.cleaning.characters import collapse
from watcher.cleaning.document import LINK_REMOVED, Anchor
from watcher.cleaning.links import clean_url
from watcher.record import Link, LinkAction

if TYPE_CHECKING:
    from watcher.cleaning.identity import Identity
    from watcher.cleaning.links import Verdict
    from watcher.cleaning.policy import Policy
    from watcher.cleaning.rules import Rules

_IN_TEXT = re.compile(
    r"(?:\b(?:https?:)?//|\bwww\.|\b(?:mailto|tel|sms):)[^\s<>\"\u201c\u201d\[\]{}|\\^`]{1,32000}",
    re.IGNORECASE,
)
_BARE = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,5}[/?][^\s<>]{1,2000}", re.IGNORECASE)
_CONTACT_OR_WWW = re.compile(r"www\.|mailto:|tel:|sms:", re.IGNORECASE)
_TRAILING = ".,;:!?'*_\u2026"
_MAX_TEXT = 300


class Links:
    """Asks for verdicts and remembers them; `anchors` holds the links in document order."""

    def __init__(self, identity: Identity, policy: Policy, rules: Rules) -> None:
        self._identity, self._policy, self._rules = identity, policy, rules
        self._verdicts: dict[str, tuple[Verdict, str]] = {}
        self.anchors: list[Anchor] = []

    def for_sibling(self) -> Links:
        """The same for the mail's other body: it has the same URLs, and a list of its own."""
        other = Links(self._identity, self._policy, self._rules)
        other._verdicts = self._verdicts
        return other

    def _judged(self, url: str) -> tuple[Verdict, str]:
        """What the link room says, and what the target says about its line; asked once a URL."""
        known = self._verdicts.get(url)
        if known is None:
            verdict = clean_url(url, self._identity, self._policy)
            target = self._rules.target(url) or self._rules.role(verdict.role)
            known = self._verdicts[url] = (verdict, target)
        return known

    def anchor(self, href: str) -> Anchor | None:
        """The link of an `<a>`; None for what leads nowhere else (`#top`, an empty href)."""
        href = href.strip()
        if not href or href[0] == "#":
            return None
        verdict, target = self._judged(href)
        if verdict.role == "anchor":
            return None
        anchor = Anchor(verdict, target)
        self.anchors.append(anchor)
        return anchor

    def in_text(self, text: str, *, register: bool = True) -> tuple[str, list[Anchor]]:
        """Clean the URLs that stand in a text as words, and what they are.

        With `register` they count as links of their own; the text of an `<a>` is already one.
        """
        if "//" not in text and _CONTACT_OR_WWW.search(text) is None:
            return text, []
        found: list[Anchor] = []

        def replace(match: re.Match[str]) -> str:
            url, tail = _without_punctuation(match.group())
            anchor = self.anchor(url)
            if anchor is None:
                return match.group()
            found.append(anchor)
            if not register:
                self.anchors.pop()
            return (LINK_REMOVED if anchor.url is None else _as_written(url, anchor)) + tail

        return _IN_TEXT.sub(replace, text), found

    def bare(self, text: str) -> str:
        """Clean an anchor text that is itself a URL without a scheme (`example.org/join?e=...`)."""
        if _BARE.fullmatch(text) is None:
            return text
        verdict, _ = self._judged(f"https://{text}")
        if verdict.url is None:
            return LINK_REMOVED
        return text if verdict.action is LinkAction.KEPT else verdict.url.partition("://")[2]


def _without_punctuation(url: str) -> tuple[str, str]:
    """Cut what ends the sentence rather than the URL; a closing parenthesis stays if one was opened."""
    end, surplus = len(url), url.count(")") - url.count("(")
    while end:
        last = url[end - 1]
        if last == ")" and surplus > 0:
            surplus -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return url[:end], url[end:]


def _as_written(url: str, anchor: Anchor) -> str:
    """Write a clean URL in the form the author chose: without a scheme where there was none."""
    clean = anchor.url or ""
    if anchor.action is LinkAction.KEPT:
        return url
    return clean if "//" in url else clean.removeprefix("https://")


def as_records(anchors: list[Anchor], redact: Identity) -> tuple[Link, ...]:
    """The links as the record keeps them, numbered from 1; their texts redacted."""
    texts = [_text_of(anchor) for anchor in anchors]
    if redact and redact.redact("\n".join(texts))[1]:  # hardly any: one search settles all others
        texts = [redact.redact(text)[0] for text in texts]
    return tuple(
        [
            Link(number, text, anchor.action, anchor.url, anchor.host, anchor.role, anchor.rule)
            for number, (text, anchor) in enumerate(zip(texts, anchors, strict=True), start=1)
        ]
    )


def _text_of(anchor: Anchor) -> str:
    text = collapse(" ".join([run.text for run in anchor.runs if not run.note]) if anchor.runs else "")
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT].rsplit(' ', 1)[0]}\u2026"
