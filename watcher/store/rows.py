"""A record as rows of the tables: which value goes into which column."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from watcher.record import Layer, ProviderStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from watcher.record import Provider, Record

Row = tuple[Any, ...]

_BELIEVED = frozenset({ProviderStatus.VERIFIED, ProviderStatus.ASSERTED, ProviderStatus.HINTED})


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its columns, in the order in which its rows are made here."""

    name: str
    columns: tuple[str, ...]

    @property
    def insert(self) -> str:
        """The statement that inserts one row."""
        marks = ", ".join("?" * len(self.columns))
        return f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES ({marks})"  # noqa: S608  # constants


def _table(name: str, columns: str) -> Table:
    return Table(name, tuple(columns.split()))


NEWSLETTERS: Final = _table(
    "newsletters",
    "id subject sender from_name from_address from_domain platform delivery sent_at received_at month "
    "excerpt words reading_minutes links trackers attachments list_id campaign_id language kind inbox "
    "status warnings pipeline_version sender_reason redactions original_from list_unsubscribe kind_reason "
    "sender_unauthenticated",
)
BODIES: Final = _table("bodies", "newsletter_id text html preheader disclaimer plain")
PROVIDERS: Final = _table("newsletter_providers", "newsletter_id position provider layer status account")
EVIDENCE: Final = _table(
    "evidence", "newsletter_id position provider layer signal header value rule strength trust"
)
AUTHENTICATION: Final = _table("authentication", "newsletter_id position method outcome domain")
LINKS: Final = _table("links", "newsletter_id position text action url host role rule")
TRACKERS: Final = _table("trackers", "newsletter_id position kind host rule")
REMOVED: Final = _table("removed", "newsletter_id position what rule chars")
ATTACHMENTS: Final = _table(
    "attachments", "newsletter_id position name media_type size sha256 inline detected text"
)
FULL_TEXT: Final = _table("newsletters_fts", "rowid subject from_name text")


def batches(records: Sequence[tuple[int, Record]]) -> Iterator[tuple[Table, Iterable[Row]]]:
    """Each table with its rows for these records, parents before children."""
    yield NEWSLETTERS, (_newsletter(number, record) for number, record in records)
    yield (
        BODIES,
        (
            (number, each.text, each.html, each.preheader, each.disclaimer, each.plain)
            for number, each in records
        ),
    )
    for table, rows_of in _LISTS:
        yield table, chain.from_iterable(rows_of(number, record) for number, record in records)
    yield FULL_TEXT, ((number, each.subject, each.author.name, searched(each)) for number, each in records)


def searched(record: Record) -> str:
    """The text that can be searched, exactly as the view `newsletters_searched` puts it together."""
    return "\n".join([record.text, *(each.text for each in record.attachments if each.text)])


def _newsletter(number: int, record: Record) -> Row:
    author, match = record.author, record.sender
    return (
        number,
        record.subject,
        match.slug if match else None,
        author.name,
        author.address,
        author.domain,
        best(record.providers, Layer.PLATFORM),
        best(record.providers, Layer.DELIVERY),
        record.sent_at,
        record.received_at,
        record.received_at[:7],
        record.excerpt,
        record.words,
        record.reading_minutes,
        len(record.links),
        len(record.trackers),
        len(record.attachments),
        record.list_id,
        record.campaign_id,
        record.language,
        record.kind.value,
        record.inbox,
        record.status.value,
        "; ".join(record.warnings),
        record.pipeline_version,
        match.reason if match else "",
        record.redactions,
        record.original_from,
        record.list_unsubscribe,
        record.kind_reason,
        int(match is not None and match.unauthenticated),
    )


def best(providers: Iterable[Provider], layer: Layer) -> str | None:
    """Return the first provider of this layer that is believed: neither contradicted nor unknown."""
    for provider in providers:
        if provider.layer is layer and provider.status in _BELIEVED:
            return provider.slug
    return None


def _providers(number: int, record: Record) -> Iterator[Row]:
    for position, each in enumerate(record.providers, 1):
        yield number, position, each.slug, each.layer.value, each.status.value, each.account


def _evidence(number: int, record: Record) -> Iterator[Row]:
    position = 0
    for provider in record.providers:
        for each in provider.evidence:
            position += 1
            yield (
                number,
                position,
                provider.slug,
                provider.layer.value,
                each.signal,
                each.header,
                each.value,
                each.rule,
                each.strength,
                each.trust,
            )


def _authentication(number: int, record: Record) -> Iterator[Row]:
    for position, each in enumerate(record.authentication, 1):
        yield number, position, each.method, each.outcome, each.domain


def _links(number: int, record: Record) -> Iterator[Row]:
    for position, each in enumerate(record.links, 1):
        yield number, position, each.text, each.action.value, each.url, each.host, each.role, each.rule


def _trackers(number: int, record: Record) -> Iterator[Row]:
    for position, each in enumerate(record.trackers, 1):
        yield number, position, each.kind, each.host, each.rule


def _removed(number: int, record: Record) -> Iterator[Row]:
    for position, each in enumerate(record.removed, 1):
        yield number, position, each.what, each.rule, each.chars


def _attachments(number: int, record: Record) -> Iterator[Row]:
    for position, each in enumerate(record.attachments, 1):
        kept = (
            each.name,
            each.media_type,
            each.size,
            each.sha256,
            int(each.inline),
            each.detected,
            each.text,
        )
        yield number, position, *kept


_LISTS: Final = (
    (PROVIDERS, _providers),
    (EVIDENCE, _evidence),
    (AUTHENTICATION, _authentication),
    (LINKS, _links),
    (TRACKERS, _trackers),
    (REMOVED, _removed),
    (ATTACHMENTS, _attachments),
)
