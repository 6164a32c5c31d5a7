"""Vaults to derive from, for the tests of worker processes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.support.home import mail
from watcher.derivation import Assignment
from watcher.settings import Links
from watcher.vault import Arrival, Vault

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def do(what: str, name: str = "") -> bytes:
    """A mail that makes a hostile worker do this; a plain one without."""
    subject = name or what or "plain"
    return mail(subject, headers=f"X-Do: {what}" if what else "", message_id=f"<{subject}@example.org>")


def arrive(vault: Vault, inbox: str, *raws: bytes) -> list[int]:
    """Put these mails into an inbox of the vault; their ids."""
    mailbox = vault.mailbox(inbox, "INBOX")
    first = mailbox.last_uid + 1
    arrivals = [Arrival(first + n, raw, AT, len(raw)) for n, raw in enumerate(raws)]
    return [*vault.store(mailbox.id, arrivals, uidvalidity=1, last_uid=mailbox.last_uid + len(raws)).new]


def assignment(path: Path) -> Assignment:
    """Derive from this vault, with no inbox known."""
    return Assignment(path, (), Links.UNWRAP, ())
