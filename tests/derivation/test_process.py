"""One worker process: what it inherits, what it may take, and when it ends."""

from __future__ import annotations

import io
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import hostile_worker
from tests.support.derivation import arrive, assignment, do
from watcher.derivation import Limits, Seat, process
from watcher.derivation.protocol import Frames, Ready, Retiring, Trouble, answer, frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.derivation.worker import Worker
    from watcher.vault import Vault

LIMITS = Limits(deadline=5.0, memory=400_000_000)


@pytest.fixture
def seat(tmp_path: Path, vault: Vault) -> Iterator[Seat]:
    """A seat whose workers obey mail."""
    made = Seat(assignment(tmp_path / "vault.db"), LIMITS, hostile_worker.PROGRAM)
    yield made
    made.close()


@pytest.fixture
def worker(seat: Seat) -> Worker:
    """A worker that is ready."""
    seat.rules()
    assert seat.worker is not None
    return seat.worker


def proc(worker: Worker, name: str) -> Path:
    return Path(f"/proc/{worker.pid}/{name}")


def ended(pid: int, seconds: float = 30) -> bool:
    """Wait until a process that may be somebody else's child has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(descriptor)


def _seen(worker: Worker) -> tuple[bytes, list[str]]:
    try:
        descriptors = [str(each.readlink()) for each in proc(worker, "fd").iterdir()]
        return proc(worker, "environ").read_bytes(), descriptors
    except PermissionError:
        pytest.skip("a worker's environment is closed to all but root")


def test_a_worker_inherits_no_connection_and_no_secret(seat: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords may stand in any variable, and sockets be left inheritable by any library."""
    monkeypatch.setenv("POLITICS_PASSWORD", "swordfish")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/watcher.service")
    with socket.socket() as connection:
        connection.set_inheritable(True)
        inode = str(Path(f"/proc/self/fd/{connection.fileno()}").readlink())
        seat.rules()
        assert seat.worker is not None
        environment, descriptors = _seen(seat.worker)
    assert b"PATH=" in environment
    assert b"swordfish" not in environment
    assert b"CREDENTIALS" not in environment
    assert inode not in descriptors
    assert sum(each.startswith("socket:") for each in descriptors) == 1


def test_a_worker_has_limited_itself(seat: Seat, worker: Worker, vault: Vault) -> None:
    """The kernel knows the limits before the first mail is read, and moves none of them back."""
    arrive(vault, "test", do(""))
    seat.give((1,))
    assert len(seat.take(30).rows) == 1
    limits = proc(worker, "limits").read_text().splitlines()
    found = {line[:26].strip(): line[26:].split()[:2] for line in limits}
    assert found["Max address space"] == ["400000000", "400000000"]
    assert found["Max core file size"] == ["0", "0"]
    assert int(found["Max cpu time"][0]) < 60


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every process")
def test_nobody_looks_into_a_worker(worker: Worker) -> None:
    """Not even another process of the same user: there is mail in its memory."""
    with pytest.raises(PermissionError):
        proc(worker, "mem").open("rb").close()


def test_the_kernel_ends_a_worker_that_nobody_watches(tmp_path: Path, vault: Vault) -> None:
    """The first process may be held up itself; endless work ends by RLIMIT_CPU, and for the same reason."""
    arrive(vault, "test", do("spin"))
    limits = Limits(deadline=0.1)
    with closing(Seat(assignment(tmp_path / "vault.db"), limits, hostile_worker.PROGRAM)) as seat:
        seat.rules()
        seat.give((1,))
        lost = seat.take(60, deadline=1000).lost
    assert lost is not None
    assert (lost.message_id, lost.reason, lost.late) == (1, limits.too_long, False)


def test_signals_for_the_service_leave_a_worker_alone(seat: Seat, worker: Worker, vault: Vault) -> None:
    """Ctrl-C and systemd's SIGTERM go to all processes; the first one may want to finish its batch."""
    arrive(vault, "test", do(""))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(worker.pid, number)
    seat.give((1,))
    assert [number for number, _ in seat.take(30).rows] == [1]


def test_a_worker_that_ends_while_it_has_nothing_to_do_is_replaced(
    seat: Seat, worker: Worker, vault: Vault
) -> None:
    """No mail is blamed for it."""
    arrive(vault, "test", do(""))
    os.kill(worker.pid, signal.SIGKILL)
    assert ended(worker.pid)
    seat.give((1,))
    harvest = seat.take(30)
    assert ([number for number, _ in harvest.rows], harvest.lost) == ([1], None)


@pytest.mark.parametrize("what", ["hang", "spin"])
def test_a_parent_that_is_killed_leaves_no_orphan(tmp_path: Path, vault: Vault, what: str) -> None:
    """Whatever the worker is doing, the kernel ends it with the first process."""
    arrive(vault, "test", do(what))
    script = f"""
    import time
    from pathlib import Path
    from tests.support import hostile_worker
    from tests.support.derivation import assignment
    from watcher.derivation import Limits, Seat

    seat = Seat(assignment(Path({str(tmp_path / "vault.db")!r})), Limits(), hostile_worker.PROGRAM)
    seat.rules()
    seat.give((1,))
    print(seat.worker.pid, flush=True)
    time.sleep(3600)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert ended(pid)


def served(tmp_path: Path, requests: list[list[int]], mails: int) -> list[object]:
    """What `serve` says to these requests, in a thread of this process."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        given = assignment(tmp_path / "vault.db")
        limits = Limits()
        thread = threading.Thread(target=process.serve, args=(theirs, iter(requests), given, limits, mails))
        thread.start()
        thread.join(30)
        theirs.shutdown(socket.SHUT_WR)
        frames = Frames()
        said: list[object] = []
        while data := ours.recv(1 << 16):
            said += [answer(body) for body in frames.feed(data)]
        return said


@pytest.fixture
def _loud(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process keeps its error output."""
    monkeypatch.setattr(process, "_silence", lambda: None)
    monkeypatch.setattr(process, "_allow_time", lambda limits: None)


@pytest.mark.usefixtures("_loud")
def test_a_worker_retires_after_so_many_mails(tmp_path: Path, vault: Vault) -> None:
    """What a library leaks is given back; the mails that it has not begun are for the next one."""
    arrive(vault, "test", *(do("", f"n {n}") for n in range(4)))
    ready, *rows, last = served(tmp_path, [[1, 2, 3], [4]], mails=2)
    assert isinstance(ready, Ready)
    assert {each.slug for each in ready.providers} >= {"mailchimp"}
    assert [row[0] for row in rows if isinstance(row, tuple)] == [1, 2]
    assert last == Retiring()


@pytest.mark.usefixtures("_loud")
def test_trouble_with_the_vault_is_told(tmp_path: Path, vault: Vault) -> None:
    """The error's own sentence goes to the first process."""
    _, trouble = served(tmp_path, [[7]], mails=9)
    assert isinstance(trouble, Trouble)
    assert "there is no message 7" in trouble.sentence


def test_a_message_may_come_in_pieces() -> None:
    """A frame is whole when its last byte is there, and several may come at once."""
    stream = frame("a" * 300) + frame([1, 2])
    frames = Frames()
    found = [body for n in range(0, len(stream), 7) for body in frames.feed(stream[n : n + 7])]
    assert [pickle.loads(body) for body in found] == ["a" * 300, [1, 2]]  # noqa: S301
    assert len(list(Frames().feed(stream))) == 2


@pytest.mark.parametrize("named", [os.system, subprocess.Popen, io.BytesIO, frame, Path])
def test_an_answer_names_nothing_but_records(named: object) -> None:
    """A worker reads what strangers wrote: no answer of it may call a function of this process."""
    with pytest.raises(pickle.UnpicklingError, match="names"):
        answer(pickle.dumps((1, named)))


def test_a_copy_derives_and_ends_with_its_line(tmp_path: Path, vault: Vault) -> None:
    """A batch may copy itself; each copy sees the end of its own line, whoever was copied after it."""
    arrive(vault, "inbox", do("", "one"), do("", "two"))
    script = f"""
        from pathlib import Path
        from tests.support.derivation import assignment
        from watcher.derivation import Limits
        from watcher.derivation.starting import may_copy
        from watcher.derivation.worker import Worker
        where = assignment(Path({str(tmp_path / "vault.db")!r}))
        assert may_copy(where.vault)
        workers = [Worker(where, Limits(), copy=True) for _ in range(2)]
        for number, worker in enumerate(workers, start=1):
            worker.give([number])
        for worker in workers:
            (row,) = worker.take(30)
            worker.close()
            print(row[0], row[1].status.value, worker._process.poll())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["1 done 0", "2 done 0"]
