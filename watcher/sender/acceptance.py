"""Which mail of an inbox comes into the archive; the vault keeps all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.sender.authentication import is_authenticated
from watcher.sender.registry import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watcher.message import Message
    from watcher.record import Authentication

STRANGER = "accept: neither its List-Id nor the domain of From is among those of the inbox"
UNAUTHENTICATED = "accept: the receiver does not vouch for From"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What an inbox asks of a mail; without anything, all mail is accepted.

    `list_ids` and `domains` (of From, with everything below) are alternatives, `authenticated` is asked
    beside them: our own receiver must vouch for the domain of From.
    """

    list_ids: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    authenticated: bool = False

    def refusal(self, message: Message, results: Iterable[Authentication]) -> str:
        """Why the mail is refused, in a fixed sentence; empty when it is accepted."""
        if (self.list_ids or self.domains) and not self._is_known(message):
            return STRANGER
        if self.authenticated and not is_authenticated(normalised("domains", message.author.domain), results):
            return UNAUTHENTICATED
        return ""

    def _is_known(self, message: Message) -> bool:
        if normalised("list_ids", message.list_id) in self.list_ids:
            return True
        domain = normalised("domains", message.author.domain)
        return any(domain == each or domain.endswith(f".{each}") for each in self.domains)
