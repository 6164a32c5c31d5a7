"""detect(message, receiver): the one place that knows the order of the steps."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING

from watcher.provider.facts import LONGEST, facts, feedback_ids
from watcher.provider.identifiers import ANY, Identifiers, What
from watcher.provider.judgement import Circumstances, Finding, judge
from watcher.provider.rules import Rules, Signal, read_rows
from watcher.provider.trust import Receiver, Trail, follow
from watcher.record import Layer, Provider, ProviderEntry, ProviderStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from watcher.message import Headers, Message
    from watcher.provider.received import Hop
    from watcher.record import Authentication


@dataclass(frozen=True, slots=True)
class Detection:
    """Who sent a mail, as far as its headers tell.

    `providers` are in the order of `Layer`, the best first inside a layer; one without an answer is absent.
    """

    providers: tuple[Provider, ...] = ()
    campaign_id: str = ""
    authentication: tuple[Authentication, ...] = ()  # what our own receiver's checks found
    original_from: str = ""  # the author before a relay rewrote From, as the relay noted it
    rules_version: str = ""

    @property
    def bulk(self) -> bool:
        """Whether a platform composed it, as far as nothing speaks against that."""
        return any(each.layer is Layer.PLATFORM and _stands(each) for each in self.providers)

    @property
    def by_program(self) -> bool:
        """Whether a delivery service handed it over, as far as nothing speaks against that."""
        return any(each.layer is Layer.DELIVERY and _stands(each) for each in self.providers)


@dataclass(frozen=True, slots=True)
class Detector:
    """The rule files, compiled. Holds no state: one serves all mails."""

    rules: Rules
    identifiers: Identifiers
    version: str = ""

    @classmethod
    def compile(
        cls,
        fingerprints: Iterable[Mapping[str, str]],
        identifiers: Iterable[Mapping[str, str]] = (),
        version: str = "",
    ) -> Detector:
        """Compile rows with the columns of the two rule files; raises `RuleError`."""
        return cls(Rules.compile(fingerprints), Identifiers.compile(identifiers), version)

    def detect(self, message: Message, receiver: Receiver) -> Detection:
        """Answer each layer from the outermost header block; pure, and never raises for any headers."""
        headers = message.headers
        trail = follow(headers, receiver, self._is_mailbox_host)
        findings = [*self._in_names_and_values(headers), *self._in_facts(message, receiver, trail)]
        answers = tuple(
            self._with_account(each, headers) for each in judge(findings, self._circumstances(trail, headers))
        )
        return Detection(
            providers=answers,
            campaign_id=self._campaign(answers, headers),
            authentication=trail.results,
            original_from=self._original_from(answers, message),
            rules_version=self.version,
        )

    def catalogue(self) -> tuple[ProviderEntry, ...]:
        """Every provider that a fingerprint names, by name."""
        entries = {
            rule.provider: ProviderEntry(rule.provider, rule.name, rule.layer, rule.category)
            for rule in self.rules.all
        }
        return tuple(sorted(entries.values(), key=lambda each: (each.name.lower(), each.slug)))

    def _in_names_and_values(self, headers: Headers) -> Iterator[Finding]:
        rules = self.rules
        for name in rules.headers.keys() & headers.names:
            for match in rules.headers[name]:
                yield Finding(match, match.rule.header, authenticated=False)
        for name in rules.values.keys() & headers.names:
            values = headers.all(name)
            if name == "return-path":  # the last server writes it; one further down came with the mail
                values = values[:1]
            for value in values:
                for match in rules.values[name].matches(value[:LONGEST]):
                    yield Finding(match, match.rule.header, authenticated=False)
        for value in feedback_ids(headers):
            last = value.rpartition(":")[2].strip().lower()
            for match in rules.signals[Signal.FEEDBACK_ID].of_value(value, last):
                yield Finding(match, match.rule.header, authenticated=False)

    def _in_facts(self, message: Message, receiver: Receiver, trail: Trail) -> Iterator[Finding]:
        for signal, header, value, authenticated in dict.fromkeys(facts(message, receiver, trail)):
            table = self.rules.signals[signal]
            whole = signal is Signal.DKIM_SELECTOR
            for match in table.of_value(value, value) if whole else table.of_domain(value):
                yield Finding(match, header, authenticated)

    def _circumstances(self, trail: Trail, headers: Headers) -> Circumstances:
        """Ask our receiver; behind a forwarder that may be believed, ask what that one saw."""
        said = trail.sealed or trail.authenticated
        if trail.sealed is not None:
            handovers: Sequence[Hop] = [each for each in trail.outside if each is not trail.edge]
        else:
            handovers = [trail.edge] if trail.edge is not None else []
        return Circumstances(
            refused=said is not None and said.refuses(signed="dkim-signature" in headers),
            from_mailbox_host=any(self._is_mailbox_host(name) for each in handovers for name in each.names),
        )

    def _is_mailbox_host(self, host: str) -> bool:
        return bool(self.rules.mailbox_hosts.of_domain(host))

    def _with_account(self, answer: Provider, headers: Headers) -> Provider:
        if not _stands(answer):
            return answer  # the account was copied with the rest
        account = self.identifiers.read(What.ACCOUNT, answer.slug, headers)
        return replace(answer, account=account) if account else answer

    def _campaign(self, answers: tuple[Provider, ...], headers: Headers) -> str:
        slugs = [each.slug for each in answers if _stands(each)]
        for slug in (*slugs, ANY):
            campaign = self.identifiers.read(What.CAMPAIGN, slug, headers)
            if campaign:
                return campaign
        return ""

    def _original_from(self, answers: tuple[Provider, ...], message: Message) -> str:
        """Read the author that a relay noted, or Reply-To where the relay put itself into From."""
        relays = [each for each in answers if each.layer is Layer.RELAY and _stands(each)]
        if not relays:
            return ""
        author = self.identifiers.read(What.AUTHOR, ANY, message.headers)
        if not author and self._rewrote_from(relays, message):
            author = message.headers.first("Reply-To").strip()
        own = message.author.address.lower()
        return "" if own and own in author.lower() else author

    def _rewrote_from(self, relays: Iterable[Provider], message: Message) -> bool:
        """Whether From is the relay's: its own domain, or the list's posting address."""
        address = message.author.address.lower()
        if not address:
            return False
        slugs = {each.slug for each in relays}
        for signal in (
            Signal.FROM_DOMAIN,
            Signal.DKIM_DOMAIN,
            Signal.RETURN_PATH_DOMAIN,
            Signal.RECEIVED_HOST,
        ):
            known = self.rules.signals[signal].of_domain(message.author.domain)
            if any(each.rule.provider in slugs for each in known):
                return True
        listed = f"{message.headers.first('List-Post')} {message.headers.first('X-BeenThere')}"
        return address in listed.lower()


def _stands(answer: Provider) -> bool:
    return answer.status is not ProviderStatus.CONTRADICTED


def _load() -> Detector:
    folder = files("watcher.provider")
    texts = [folder.joinpath(name).read_text("utf-8") for name in ("fingerprints.csv", "identifiers.csv")]
    version = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]
    return Detector.compile(read_rows(texts[0]), read_rows(texts[1]), version)


_DETECTOR = _load()

RULES_VERSION = _DETECTOR.version
"""Names the rule files' contents: eight hexadecimal digits, the same on every machine."""


def detect(message: Message, receiver: Receiver) -> Detection:
    """Answer each layer for a mail that arrived at `receiver`, by the rule files of this release."""
    return _DETECTOR.detect(message, receiver)


def catalogue() -> tuple[ProviderEntry, ...]:
    """Every provider that the rule files know, by name."""
    return _DETECTOR.catalogue()
