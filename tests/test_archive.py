"""Vault and store together: what one has and the other has lost is found and derived again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.records import failed_record, mail, record
from watcher import archive as archive_room
from watcher.archive import Archive
from watcher.derivation import Assignment, Here
from watcher.settings import Links
from watcher.store import Store
from watcher.vault import Arrival, Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
MAILS = 12


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """Twelve mails, all of them in the store; the seventh failed. Ids are compared five at a time."""
    monkeypatch.setattr(archive_room, "_BLOCK", 5)
    vault_path = tmp_path / "vault" / "vault.db"
    with (
        Vault.open(vault_path) as vault,
        Store.open(tmp_path / "newsletters.db") as store,
        Here(Assignment(vault_path, (), Links.UNWRAP, ())) as here,
    ):
        arrivals = [Arrival(uid, mail(uid), AT, 1) for uid in range(1, MAILS + 1)]
        vault.store(vault.mailbox("politics", "INBOX").id, arrivals, uidvalidity=1, last_uid=MAILS)
        store.write((number, failed_record() if number == 7 else record()) for number in range(1, MAILS + 1))
        done = [number for number in range(1, MAILS + 1) if number != 7]
        vault.finish(done, [(7, "message: no header")], "v1")
        yield Archive(vault, store, here)


@pytest.mark.parametrize(
    "lost", [(), (1,), (5, 6), (7,), (12,), (2, 9, 11), tuple(range(1, MAILS + 1))], ids=str
)
def test_what_the_store_has_lost_is_queued_again(archive: Archive, lost: tuple[int, ...]) -> None:
    """Done or failed, at the edge of a block or all of them: just what is missing waits to be derived."""
    archive.store.delete(lost)
    assert archive.reconcile() == len(lost)
    assert archive.vault.pending_ids() == list(lost)


def test_what_only_the_store_has_is_left_alone(archive: Archive) -> None:
    """A mail that waits to be derived again keeps its row meanwhile; a refused one never had one."""
    archive.vault.requeue([3])
    archive.vault.finish([], [], "v1", refused=[(8, "domain")])
    archive.store.delete([8, 10])
    assert archive.reconcile() == 1
    assert archive.vault.pending_ids() == [3, 10]
    assert archive.store.ids() == set(range(1, MAILS + 1)) - {8, 10}
