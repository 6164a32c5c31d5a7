"""What became of one URL."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # a compiled dataclass looks its fields' types up
from dataclasses import dataclass

from watcher.record import LinkAction  # noqa: TC001  # likewise


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for one URL; `url` is None exactly when it was removed.

    `role` says what the link is for: content, unsubscribe, preferences, view, forward, social, share,
    confirm, archive, mailto, pixel; `click` and `wrapper` for a removed link whose destination nobody can
    read; `anchor` for one that leads nowhere (its text stays, it is not counted).
    `rule` names what decided: `unsafe`, `personal`, `policy`, the rows of the tables that matched, joined
    with `+` in order, and `parameters` where tracking parameters came off. It is empty for an untouched link.
    """

    action: LinkAction
    url: str | None
    host: str  # of the clean URL; of the tracker when removed; empty when that would name the reader
    role: str
    rule: str


@dataclass(frozen=True, slots=True)
class Report:
    """How many links had each outcome."""

    total: int
    actions: Mapping[str, int]
    roles: Mapping[str, int]
    rules: Mapping[str, int]
