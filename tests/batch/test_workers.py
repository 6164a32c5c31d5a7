"""Processes that derive a batch: the order of the records, and what a mail costs that kills one of them."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support import hostile_worker
from tests.support.derivation import arrive, do
from watcher import settings as settings_room
from watcher.batch.workers import CHUNK, Derivers
from watcher.derivation import Assignment, Limits, Seat, worker
from watcher.derivation.starting import fresh
from watcher.record import Status
from watcher.settings.values import Workers
from watcher.vault import Vault

if TYPE_CHECKING:
    import socket

    from tests.support.home import Home
    from watcher.derivation.starting import Process
    from watcher.settings import Settings


@pytest.fixture
def settings(home: Home) -> Settings:
    loaded = settings_room.load(home.config)
    return replace(loaded, workers=Workers(timedelta(seconds=1), 400_000_000))


@pytest.mark.parametrize("workers", [1, 2])
def test_records_come_in_the_order_of_the_ids(settings: Settings, workers: int) -> None:
    """A store comes out the same whatever the number of workers, as much as is given at once."""
    with Vault.open(settings.store.vault) as vault:
        ids = arrive(vault, "import", *(do("", f"no. {n}") for n in range(5 * CHUNK + 1)))
    with Derivers(settings, (), workers=workers) as derivers:
        derivers.give(ids[:70])
        first = [row for rows in derivers.rest() for row in rows]
        rest = [row for rows in derivers.derive(ids[70:]) for row in rows]
        assert derivers.owed == 0
    assert [number for number, _ in first + rest] == ids
    assert [record.subject for _, record in first + rest] == [f"no. {n}" for n in range(5 * CHUNK + 1)]


def test_bad_mail_costs_itself_and_keeps_the_order(settings: Settings) -> None:
    """Each of its neighbours is derived, by the next worker, and comes at its place."""
    kinds = {10: "exit", 11: "kill", 60: "hang", 75: "allocate"}
    with Vault.open(settings.store.vault) as vault:
        ids = arrive(vault, "import", *(do(kinds.get(n, ""), f"no. {n}") for n in range(100)))
    with Derivers(settings, (), workers=2, program=hostile_worker.PROGRAM) as derivers:
        rows = [row for rows in derivers.derive(ids) for row in rows]
    assert [number for number, _ in rows] == ids
    reasons = {n: record.warnings[0] for n, (_, record) in enumerate(rows) if record.status is Status.FAILED}
    assert reasons == {
        10: "the worker ended with exit code 3",
        11: "the worker died with signal 9",
        60: "it took longer than 1 s",
        75: "it needed more than 400 MB",
    }


def test_a_killed_worker_costs_no_mail(settings: Settings) -> None:
    """Somebody ends a process that has done nothing wrong: what it was given goes to the next one."""
    with Vault.open(settings.store.vault) as vault:
        ids = arrive(vault, "import", *(do("", f"no. {n}") for n in range(2 * CHUNK)))
    with Derivers(settings, (), workers=2) as derivers:
        derivers.rules()
        derivers.give(ids)
        for seat in derivers._seats:
            assert seat.worker is not None
            os.kill(seat.worker.pid, signal.SIGKILL)
        rows = [row for rows in derivers.rest() for row in rows]
    assert [number for number, _ in rows] == ids
    assert {record.status for _, record in rows} == {Status.DONE}


def test_a_worker_that_follows_another_is_no_copy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vault is open by then, and a fork takes SQLite's locks along as if they were its own."""
    copies: list[int] = []

    def counted(line: socket.socket) -> Process:
        copies.append(line.fileno())
        return fresh(worker.PROGRAM, line)

    monkeypatch.setattr(worker, "may_copy", lambda _: True)
    monkeypatch.setattr(worker, "copied", counted)
    seat = Seat(Assignment.of(settings, ()), Limits(), copy=True)
    for _ in range(2):
        seat.rules()
        seat.close()
    assert len(copies) == 1


def test_a_stop_leaves_the_rest(settings: Settings) -> None:
    """Nothing more comes, and the end does not wait for what is under way."""
    with Vault.open(settings.store.vault) as vault:
        ids = arrive(vault, "import", do("hang"), do(""))
    asked = iter((False, False, True, True, True))
    with Derivers(settings, (), workers=2, program=hostile_worker.PROGRAM) as derivers:
        assert list(derivers.derive(ids, stopped=lambda: next(asked))) == []
