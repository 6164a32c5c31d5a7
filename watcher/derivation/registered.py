"""The senders of senders.yaml as the store shows them. Apart from the rules: the writer needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.record import Sender

if TYPE_CHECKING:
    from watcher.settings import SenderSettings


def sender_of(settings: SenderSettings) -> Sender:
    """What the archive shows of a registered sender."""
    return Sender(
        slug=settings.slug,
        name=settings.name,
        kind=settings.kind,
        party=settings.party,
        country=settings.country,
        locality=settings.locality,
        office=settings.office,
        website=settings.website,
    )
