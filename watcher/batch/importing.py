"""Importing files: into the vault first, then derived like any other mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.batch.filemail import wire_form
from watcher.batch.sources import FileMail, OnMbox, Rules, mails
from watcher.vault import Arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from watcher.vault import Vault

INBOX = "import"
"""The inbox of imported mail unless the command names a configured one."""

_BATCH_MAILS = 200
_FIRST_BATCH_MAILS = 25  # then twice as many each time: whoever derives has work from the first moment on
_BATCH_BYTES = 16 << 20

# A file has no UIDVALIDITY of its own; its mails are named by position and content (FileMail.uid), for ever.
UIDVALIDITY = 1


@dataclass(slots=True)
class Imported:
    """What an import did so far. `known` was imported before, `duplicate` is the same mail from elsewhere."""

    seen: int = 0
    stored: int = 0
    duplicate: int = 0
    known: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """What was just committed: the ids of messages that are new, and the bytes read for them all."""

    new: tuple[int, ...]
    bytes: int


def take_in(
    vault: Vault,
    paths: Iterable[Path],
    *,
    inbox: str = INBOX,
    max_bytes: int,
    stopped: Callable[[], bool] = lambda: False,
    on_batch: Callable[[Batch], None] | None = None,
    on_mbox: OnMbox = lambda _name, _reading: None,
) -> Imported:
    """Store every mail below `paths` in the vault.

    What is there already is not stored again, so an import can be resumed. A mail over `max_bytes` is
    recorded as skipped. `on_batch` is called behind each commit, `on_mbox` before the first mail of an mbox.
    Raises `NothingToImportError` for a path
    without mail, `OSError` for one that cannot be read, `VaultError` when the vault cannot be written.
    """
    outcome = Imported()
    run = vault.begin_run(inbox, "import")
    error = "interrupted"
    try:
        for path in paths:
            for batch in batches(mails(path, Rules(max_bytes, on_mbox=on_mbox))):
                new = store(vault, inbox, batch, max_bytes, outcome)
                if on_batch is not None:
                    on_batch(Batch(new, sum(mail.size for mail in batch)))
                if stopped():
                    return outcome
        error = ""
    except BaseException as problem:
        error = type(problem).__name__
        raise
    finally:
        vault.end_run(
            run, seen=outcome.seen, stored=outcome.stored, duplicate=outcome.duplicate, failed=0, error=error
        )
    return outcome


def store(
    vault: Vault, inbox: str, batch: list[FileMail], max_bytes: int, outcome: Imported
) -> tuple[int, ...]:
    """Commit a batch of one source and count it; the ids of messages that are new. Raises `VaultError`."""
    mailbox = vault.mailbox(inbox, batch[0].source)
    arrivals = [arrival(mail, max_bytes) for mail in batch]
    stored = vault.store(mailbox.id, arrivals, uidvalidity=UIDVALIDITY, last_uid=0)
    outcome.seen += len(batch)
    outcome.stored += len(stored.new)
    outcome.duplicate += stored.duplicates
    outcome.known += stored.known
    return stored.new


def arrival(mail: FileMail, max_bytes: int) -> Arrival:
    """A mail of a file as it goes into the vault."""
    if mail.oversize:
        size = mail.length
        reason = f"{size} bytes are over the limit of {max_bytes} (max_message)"
        return Arrival(uid=mail.uid, raw=None, internal_date=mail.received_at, size=size, skipped=reason)
    raw = wire_form(mail.raw)
    return Arrival(uid=mail.uid, raw=raw, internal_date=mail.received_at, size=len(raw))


def batches(found: Iterable[FileMail]) -> Iterator[list[FileMail]]:
    """Mails in the portions that are committed at once."""
    batch: list[FileMail] = []
    size, most = 0, _FIRST_BATCH_MAILS
    for mail in found:
        if batch and (len(batch) >= most or size + len(mail.raw) > _BATCH_BYTES):
            yield batch
            batch, size, most = [], 0, min(2 * most, _BATCH_MAILS)
        batch.append(mail)
        size += len(mail.raw)
    if batch:
        yield batch
