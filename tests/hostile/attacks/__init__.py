"""A corpus of attacks, written as code: what anybody can send to an address that he has learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.hostile.attacks import headers, links, markup, mime, words
from tests.hostile.attacks.attack import Attack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOMS: Final[Mapping[str, Callable[[], list[Attack]]]] = {
    room.__name__.rpartition(".")[2]: lambda room=room: list(room.attacks())
    for room in (headers, links, markup, mime, words)
}

__all__ = ["ROOMS", "Attack"]
