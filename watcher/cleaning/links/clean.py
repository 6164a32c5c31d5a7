"""One URL in, one verdict out: opened, stripped, searched for the reader, or removed. No network, ever.

The order of the steps: refuse what is malformed or disguised; remove what is opaque or acts for the reader;
open wrappers, again and again; take tracking parameters off; search what is left for the reader in every
decoded view. What cannot be understood is removed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watcher.cleaning.identity import Identity
from watcher.cleaning.links import contacts
from watcher.cleaning.links.parameters import stripped
from watcher.cleaning.links.rules import RULES, Rule
from watcher.cleaning.links.url import Url, is_archived, is_harmless, parse, trimmed
from watcher.cleaning.links.verdict import Report, Verdict
from watcher.cleaning.links.words import role_by_word
from watcher.cleaning.policy import Policy
from watcher.record import LinkAction

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_LAYERS = 6  # wrappers around one destination
_MAX_ROUNDS = 16  # layers, and the strips between them
_NOBODY = Identity.of(())
_OPAQUE = re.compile(
    r"(?=[a-z]*+\d)(?=\d*+[a-z])[a-z\d]{16,}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}", re.IGNORECASE
)
"""A value of letters and digits mixed, or a UUID (RFC 9562): a key, a hash, a number of a database."""

_GONE_ALWAYS = frozenset({"unsubscribe", "preferences", "view", "pixel", "anchor"})  # under every policy
_GONE_RULES = frozenset({"unsafe", "personal"})
_CONTENT_KINDS = frozenset(
    {"click", "wrapper", "short"}
)  # of rules that say nothing about what a link is for


def clean_url(url: str, identity: Identity = _NOBODY, policy: Policy = Policy.UNWRAP) -> Verdict:
    """Decide what may remain of a URL as the HTML parser gave it (entities decoded once). Never raises."""
    try:
        verdict = _Case(url, identity).judged()
        if policy is Policy.REMOVE:
            return Verdict(LinkAction.REMOVED, None, verdict.host, verdict.role, "policy")
        if policy is Policy.KEEP:
            return _kept(url, identity, verdict)
    except Exception:  # noqa: BLE001 - a hole in our own rules must cost the link, not the reader's privacy
        return _removed("content", "unsafe")
    return verdict


def tracker_of(url: str) -> tuple[str, str] | None:
    """Give the host and rule of an image that reports the reading; None for any other image."""
    parts = parse(trimmed(url))
    if parts is None:
        return None
    rule = RULES.match(parts)
    if rule is None or rule.kind != "pixel":
        return None
    return parts.host, rule.id


def role_of(url: str) -> str:
    """Read from its form alone what a web address is for."""
    parts = parse(trimmed(url))
    return "content" if parts is None else _role(parts, RULES.match(parts))[0]


def report(verdicts: Iterable[Verdict]) -> Report:
    """Count verdicts by action, role and rule."""
    found = list(verdicts)
    return Report(
        len(found),
        Counter(verdict.action.value for verdict in found),
        Counter(verdict.role for verdict in found),
        Counter(verdict.rule for verdict in found if verdict.rule),
    )


@dataclass(slots=True)
class _Case:
    """One URL under the policy `unwrap`, and what has been done to it so far."""

    text: str  # as it came
    identity: Identity
    layers: int = 0
    fired: list[str] = field(default_factory=list)

    def judged(self) -> Verdict:
        current = self.text
        url = parse(current)
        if url is None or current[-1] == " ":
            current = trimmed(current)
            if not current or current.startswith("#"):
                return _removed("anchor", "anchor")
            url = parse(current)
        for _ in range(_MAX_ROUNDS):
            if url is None:
                return self._no_web(current)
            outcome = self._next(url, current)
            if isinstance(outcome, Verdict):
                return outcome
            current = outcome
            url = parse(current)
        return _removed("wrapper", "unsafe")

    def _next(self, url: Url, current: str) -> str | Verdict:
        """Do the next thing that has to be done: the URL to go on with, or the verdict."""
        if is_archived(url):
            self.fired.append("web-archive")
            named = self.identity.carried_by(current)
            return _removed("content", "personal") if named else self.passed(current, url.host, "content")
        rule = RULES.match(url)
        if rule is not None and not rule.keeps:
            return self._opened(url, rule)
        role, personal = _role(url, rule)
        if personal:
            return _removed(role, role, _safe_host(url, self.identity))
        if rule is not None and rule.id not in self.fired:
            self.fired.append(rule.id)
        clean = stripped(url)
        if clean is not url:
            if "parameters" not in self.fired:
                self.fired.append("parameters")
            return clean.text
        if not self.identity.carried_by(current):
            return self.passed(current, url.host, role)
        self.fired.append("personal")
        return _anonymous(url, self.identity) or _removed(role, "personal")

    def _opened(self, url: Url, rule: Rule) -> str | Verdict:
        destination = rule.open(url)
        self.layers += 1
        if destination is None or self.layers > _MAX_LAYERS:
            role = rule.kind if destination is None else "wrapper"
            return _removed(role, rule.id, _safe_host(url, self.identity))
        self.fired.append(rule.id)
        return destination

    def _no_web(self, current: str) -> Verdict:
        """Judge a contact link; everything else that is no web address is unsafe."""
        if self.layers or not current[:7].lower().startswith(contacts.SCHEMES) or not is_harmless(current):
            return _removed("content", "unsafe")
        role = "mailto" if current[:7].lower() == "mailto:" else "content"
        if role == "mailto" and contacts.is_leaving(current):
            return _removed("unsubscribe", "unsubscribe")
        if self.identity.carried_by(current) or (role == "mailto" and contacts.has_token(current)):
            return _removed(role, "personal")
        return self.passed(current, "", role)

    def passed(self, current: str, host: str, role: str) -> Verdict:
        action = LinkAction.KEPT if current == self.text else LinkAction.CLEANED
        return Verdict(
            LinkAction.UNWRAPPED if self.layers else action, current, host, role, "+".join(self.fired)
        )


def _role(url: Url, rule: Rule | None) -> tuple[str, bool]:
    """Tell what a URL is for, and whether it acts for one reader; `rule` is the sender's that leaves it."""
    role, personal = role_by_word(url)
    if personal:
        return role, True
    if rule is None or rule.kind in _CONTENT_KINDS:
        return role or "content", False
    return rule.kind, False


def _anonymous(url: Url, identity: Identity) -> str | None:
    """Drop the query fields and the fragment that name the reader; None when the rest names him still."""
    if identity.carried_by(url.base):
        return None
    if url.query is not None:
        fields = url.query.split("&")
        kept = [part for part in fields if not identity.carried_by("?" + part)]
        if len(kept) < len(fields):
            # Who writes the reader into a link writes a key to him beside it.
            kept = [part for part in kept if not _OPAQUE.fullmatch(part.rpartition("=")[2])]
        url = url._replace(query="&".join(kept) or None)
    if url.fragment is not None and identity.carried_by("#" + url.fragment):
        url = url._replace(fragment=None)
    return None if identity.carried_by(url.text) else url.text


def _kept(text: str, identity: Identity, verdict: Verdict) -> Verdict:
    """Judge under the policy `keep`: the URL as it came, unless it acts for, reports or names the reader."""
    role = verdict.role
    if verdict.action is LinkAction.KEPT:
        return verdict
    if verdict.action is LinkAction.REMOVED:
        if role in _GONE_ALWAYS or verdict.rule in _GONE_RULES:
            return verdict
        role = "content" if role in _CONTENT_KINDS else role
    current = trimmed(text)
    url = parse(current)
    if url is None:
        return verdict  # a contact link: nothing of it was changed
    case = _Case(text, identity)
    if identity.carried_by(current):
        case.fired.append("personal")
        anonymous = _anonymous(url, identity)
        if anonymous is None:
            return _removed(role, "personal")
        current = anonymous
    return case.passed(current, url.host, role)


def _removed(role: str, rule: str, host: str = "") -> Verdict:
    return Verdict(LinkAction.REMOVED, None, host, role, rule)


def _safe_host(url: Url, identity: Identity) -> str:
    return "" if identity.carried_by(url.host) else url.host
