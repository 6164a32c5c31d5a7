"""From matched fingerprints to answers: which provider on which layer, and how sure.

The words are those of `ProviderStatus`. `verified` needs evidence that our own receiver saw; everything else
counts claims, and what the receiver saw may speak against them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from watcher.provider.arc import RESULTS_HEADER as SEALED_HEADER
from watcher.provider.rules import Match, Rule, Signal, Strength
from watcher.record import Evidence, Layer, Provider, ProviderStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Finding(NamedTuple):
    """A rule that fits, where it fits, and whether our own receiver saw it."""

    match: Match
    header: str
    authenticated: bool

    @property
    def rule(self) -> Rule:
        """The rule that fits."""
        return self.match.rule


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What our receiver's own words say about the mail as a whole."""

    refused: bool = False  # neither SPF nor DKIM passes
    from_mailbox_host: bool = False  # a mailbox service handed it over


_RANK = {status: rank for rank, status in enumerate(ProviderStatus)}
_HANDOVER = frozenset({Signal.RECEIVED_HOST, Signal.RETURN_PATH_DOMAIN})
_FIELD = {
    Signal.RECEIVED_HOST: "received",
    Signal.RECEIVED_BY: "received",
    Signal.RETURN_PATH_DOMAIN: "return-path",
    Signal.DKIM_DOMAIN: "dkim-signature",
    Signal.DKIM_SELECTOR: "dkim-signature",
    Signal.FEEDBACK_ID: "feedback-id",
}
"""Matches in one field are one claim, however many there are."""

_STRENGTHS = {strength: rank for rank, strength in enumerate(Strength)}


def judge(findings: Sequence[Finding], circumstances: Circumstances) -> tuple[Provider, ...]:
    """Answer layer by layer in the order of `Layer`, the best first inside a layer."""
    if not findings:
        return ()
    by_layer: dict[Layer, defaultdict[str, list[Finding]]] = {layer: defaultdict(list) for layer in Layer}
    for each in findings:
        rule = each.match.rule
        by_layer[rule.layer][rule.provider].append(each)
    relays = _answers(by_layer[Layer.RELAY], Layer.RELAY, Circumstances(refused=circumstances.refused))
    relayed = any(_stands(each) for each in relays)
    if relayed:
        circumstances = Circumstances(refused=circumstances.refused)
    platforms = _answers(by_layer[Layer.PLATFORM], Layer.PLATFORM, circumstances, relayed=relayed)
    deliveries = _answers(by_layer[Layer.DELIVERY], Layer.DELIVERY, circumstances, relayed=relayed)
    if not deliveries:
        own = {slug: _handover(found) for slug, found in by_layer[Layer.PLATFORM].items()}
        known = {each.slug for each in platforms}
        own = {slug: found for slug, found in own.items() if slug in known}
        deliveries = _answers(own, Layer.DELIVERY, circumstances, relayed=relayed)
    hosts: Sequence[Provider] = ()
    if not any(map(_stands, platforms)):
        candidates: Mapping[str, list[Finding]] = by_layer[Layer.MAILBOX_HOST]
        if relayed:
            candidates = {slug: _origin(found) for slug, found in candidates.items()}
        hosts = _answers(
            candidates, Layer.MAILBOX_HOST, Circumstances(refused=circumstances.refused), relayed=relayed
        )
        if deliveries and hosts and _RANK[hosts[0].status] >= _RANK[deliveries[0].status]:
            hosts = ()  # an application wrote it, not a person at a mailbox
    return (*platforms, *deliveries, *relays, *hosts)


def _stands(answer: Provider) -> bool:
    return answer.status is not ProviderStatus.CONTRADICTED


def _handover(findings: list[Finding]) -> list[Finding]:
    """Pick what shows that a platform delivers by its own servers; nothing unless one is named."""
    if any(each.rule.signal is Signal.RECEIVED_HOST for each in findings):
        return [each for each in findings if each.rule.signal in _HANDOVER]
    return []


def _origin(findings: list[Finding]) -> list[Finding]:
    """Pick what came through a relay from the author's side: handover and results are the relay's own."""
    return [
        each for each in findings if not each.authenticated and each.rule.signal is not Signal.RECEIVED_HOST
    ]


def _answers(
    candidates: Mapping[str, list[Finding]],
    layer: Layer,
    circumstances: Circumstances,
    *,
    relayed: bool = False,
) -> list[Provider]:
    """Rank the providers that answer a layer by status, then by how many fields claim them.

    More than one is kept, unless one is verified: then mere claims beside it are left out.
    """
    if not candidates:
        return []
    ranked = []
    for slug, findings in candidates.items():
        fields = _fields(findings)
        status = _status(findings, len(fields), circumstances, relayed=relayed)
        if status is ProviderStatus.UNKNOWN:
            continue
        name = findings[0].rule.name
        answer = Provider(slug, name, layer, status, evidence=_evidence(findings))
        ranked.append(((_RANK[status], -len(fields), slug), answer))
    ranked.sort(key=lambda each: each[0])
    answers = [answer for _, answer in ranked]
    if answers and answers[0].status is ProviderStatus.VERIFIED:
        return [each for each in answers if each.status is ProviderStatus.VERIFIED]
    return answers


def _fields(findings: Iterable[Finding]) -> set[str]:
    """Name the header fields that speak for a provider, independent of each other."""
    return {_FIELD.get(each.rule.signal, each.header.lower()) for each in findings if each.rule.answers}


def _status(
    findings: Iterable[Finding], fields: int, circumstances: Circumstances, *, relayed: bool
) -> ProviderStatus:
    if not relayed and any(
        each.authenticated and each.rule.answers and each.rule.signal is not Signal.DKIM_SELECTOR
        for each in findings
    ):
        return ProviderStatus.VERIFIED
    if not fields:
        return ProviderStatus.UNKNOWN
    if circumstances.refused or circumstances.from_mailbox_host:
        return ProviderStatus.CONTRADICTED
    return ProviderStatus.ASSERTED if fields > 1 else ProviderStatus.HINTED


def _trust(header: str, *, authenticated: bool) -> str:
    """Name who says so; a sealed result is read at all only where its sealer may be believed."""
    if authenticated:
        return "authenticated"
    return "sealed" if header == SEALED_HEADER else "claimed"


def _evidence(findings: Iterable[Finding]) -> tuple[Evidence, ...]:
    """One row for each fact, what our receiver saw first; a claim that repeats something seen is left out."""
    rows: dict[tuple[str, str], tuple[tuple[bool, int, str, str], Evidence]] = {}
    for match, header, authenticated in findings:
        rule = match.rule
        key = (rule.id, match.value)
        if key in rows and (not authenticated or rows[key][1].trust == "authenticated"):
            continue
        rank = (not authenticated, _STRENGTHS[rule.strength], rule.id, match.value)
        rows[key] = (
            rank,
            Evidence(
                signal=rule.signal.value,
                header=header,
                value=match.value,
                rule=rule.id,
                strength=rule.strength.value,
                trust=_trust(header, authenticated=authenticated),
            ),
        )
    return tuple(evidence for _, evidence in sorted(rows.values(), key=lambda each: each[0]))
