"""Wordings: what copies of a mailing have in common, and the keys by which wordings that are alike meet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from watcher.record import Kind, Layer, Status
from watcher.sketch import fingerprint, part_fingerprint, sketch, words
from watcher.store.rows import best

if TYPE_CHECKING:
    from watcher.record import Record

_DAYS = 2  # of a period
_LAST_PERIOD = 0xFFFF  # 16 bits, until the year 2328
PERIOD: Final = 1 << 47
"""The difference of a key and the same key in the next period: behind it are 47 bits of fingerprint."""

_BANDS = 10  # wordings that share 0.75 of their triples have one in common in 86 of 100 cases, 0.85: in 99
_ROWS = 6  # places of the sketch in a band
_LOOSE_BANDS = 8  # among the wordings of one campaign, from the places behind those
_LOOSE_ROWS = 3
ALIKE: Final = 96
"""In so many places of 128 sketches agree that are together."""

ALIKE_IN_CAMPAIGN: Final = 64
"""The same for wordings to which the platform gave one campaign id."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What the copies of a wording share, and what other wordings it is compared with follows from."""

    id: int
    words: int
    domain: str
    campaign: int
    sketch: bytes

    @classmethod
    def of(
        cls, received_at: str, domain: str, subject: str, campaign: int, spoken: int, sketched: bytes
    ) -> Wording:
        """The wording of a newsletter; `spoken` is the fingerprint of its words."""
        parts = (domain, str(campaign), str(spoken), "" if sketched else subject.casefold())
        return cls(_period(received_at) | fingerprint(*parts), spoken, domain, campaign, sketched)

    def keys(self) -> list[tuple[int, int]]:
        """Each key, and in how many places a wording that has it too must agree to be together."""
        period = self.id // PERIOD * PERIOD
        if not self.sketch:
            return [(self.id, 0)]
        found = [
            (period | part_fingerprint(self.domain, n, self.sketch[n * _ROWS : (n + 1) * _ROWS]), ALIKE)
            for n in range(_BANDS)
        ]
        for n in range(_LOOSE_BANDS if self.campaign else 0):
            part = self.sketch[_BANDS * _ROWS + n * _LOOSE_ROWS :][:_LOOSE_ROWS]
            found.append((period | part_fingerprint(str(self.campaign), n, part), ALIKE_IN_CAMPAIGN))
        return found


def _period(received_at: str) -> int:
    try:
        days = date.fromisoformat(received_at[:10]).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:  # a server may say anything: the years before 1000 are not written with four digits
        return 0
    return min(max(days, 0) // _DAYS, _LAST_PERIOD) * PERIOD


def _campaign(platform: str | None, domain: str, campaign_id: str) -> int:
    return fingerprint(platform or "", domain, campaign_id) if campaign_id else 0


def wording_of(record: Record) -> Wording | None:
    """The wording of a record; None for what is no newsletter."""
    if record.kind is not Kind.NEWSLETTER or record.status is not Status.DONE:
        return None
    domain = record.author.domain
    campaign = _campaign(best(record.providers, Layer.PLATFORM), domain, record.campaign_id)
    return Wording.of(record.received_at, domain, record.subject, campaign, record.wording, record.sketch)


def stored(
    received_at: str, domain: str, subject: str, platform: str | None, campaign_id: str, text: str
) -> Wording:
    """The wording of a newsletter that is in the store."""
    spoken = words(text)
    campaign = _campaign(platform, domain, campaign_id)
    return Wording.of(received_at, domain, subject, campaign, fingerprint(" ".join(spoken)), sketch(spoken))
