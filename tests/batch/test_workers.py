"""Processes that derive, and what happens when one of them is killed."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.home import mail
from watcher import settings as settings_room
from watcher.batch.workers import CHUNK, Derivers, WorkerDiedError

if TYPE_CHECKING:
    from tests.support.home import Home


def test_a_killed_worker_ends_the_work_with_a_remedy(home: Home) -> None:
    """No hang and no traceback: the mail is in the vault, and the same command goes on from there."""
    letters = home.root / "letters"
    letters.mkdir()
    for n in range(3 * CHUNK):
        (letters / f"{n}.eml").write_bytes(
            mail(f"no. {n}", "words " * 20_000, message_id=f"<{n}@example.org>")
        )
    assert home.run("import", "--workers", "1", str(letters)).code == 0
    settings = settings_room.load(home.config)
    with Derivers(home.vault, settings, (), workers=2) as derivers:
        assert derivers._pool is not None
        victim = next(iter(derivers._pool._processes))
        derivers.give(range(1, 3 * CHUNK + 1))
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(WorkerDiedError, match="same command again"):
            list(derivers.rest())
