"""Proof that nothing is lost and nothing doubled: mail streams in while the watcher dies, or all else fails.

    python -m tests.faults.kill_run                        # 3,000 mails, killed 300 times: about ten minutes
    python -m tests.faults.kill_run --fault corrupt --kills 50 --mails 500 --seed 7
    python -m tests.faults.kill_run --fault all

A Dovecot on loopback takes in numbered mails by LMTP while `watcher run` works. With the fault `kill` it is
ended by SIGKILL, half of the times at any moment after its start, half within milliseconds of a write to its
databases, and started again. The other faults leave it running: the network is cut, the server goes away,
UIDVALIDITY changes, the disk is full. At the end every mail of the server must be in the vault with its exact
bytes, in its deliveries and in newsletters.db, once. Exit code 1 when one is not.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.balance import Balance, balance, resting, stored
from tests.faults.service import Service, derived
from tests.faults.stream import Stream
from tests.faults.strikes import (
    Cut,
    FullDisk,
    OtherUidvalidity,
    Scene,
    ServerGone,
    SkippedError,
    Strike,
    small_disk,
)
from tests.support.dovecot import running_dovecot
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.dovecot import Dovecot

KILL = "kill"
CUTS = {  # name -> what the proxy does, and before which byte of the server at most
    "fin": (Fault.FIN, 2_000),
    "rst": (Fault.RST, 20_000),
    "black-hole": (Fault.HOLE, 20_000),
    "stall": (Fault.STALL, 20_000),
    "truncation": (Fault.FIN, 60_000),
    "corrupt": (Fault.CORRUPT, 20_000),
}
FAULTS = (KILL, *CUTS, "server", "uidvalidity", "disk")
HURRY = {"WATCHER_HURRY": "20"}  # what a deadline takes a minute to find takes three seconds
RECOVERS = 0.8  # the share of strikes after which the watcher catches up; the others strike again at once
CATCHES_UP = 20.0  # seconds that it has for it
GIVEN_UP = 300.0  # seconds after the last mail in which all must be there


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of a run. To kill an idle watcher proves nothing: `at_work` counts strikes that met work."""

    balance: Balance
    strikes: int
    at_work: int
    code: int  # the daemon's exit code at SIGTERM, in the end
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether nothing was lost and nothing doubled."""
        return self.balance.exact and self.code == 0

    def __str__(self) -> str:
        hit = f"{self.strikes} strikes ({self.at_work} with mail outstanding) in {self.seconds:.0f} s"
        return f"{self.balance}; {hit}; exit code {self.code}"


def prove(fault: str, kills: int, mails: int, seed: int, server: Dovecot, folder: Path) -> Proof:
    """Run one fault. Raises `SkippedError` when this machine cannot make it."""
    began = time.monotonic()
    home = Home(folder)
    user = server.user()
    chance = random.Random(seed)
    with (
        _place(fault, home, mails),
        _strike(fault, server.port) as (strike, port),
        Stream(user, seed) as stream,
        Service(home, {} if fault == KILL else HURRY) as service,
    ):
        home.watch(user, port=port, every="10s")
        scene = Scene(home, user, stream, service, chance)
        at_work = _die_again_and_again(scene, kills, mails) if strike is None else 0
        if strike is not None:
            at_work = _strike_again_and_again(scene, strike, kills, mails)
        stream.allow(mails, 0)
        stream.finish()
        if not service.running():
            service.start()
        service.until(lambda: stored(home) >= mails, GIVEN_UP)
        if not service.running():
            raise AssertionError(f"the daemon ended by itself: {service.last_words()}")
        code = service.stop()
        return Proof(balance(home, user, stream.sent), kills, at_work, code, time.monotonic() - began)


def _die_again_and_again(scene: Scene, kills: int, mails: int) -> int:
    life = _life(scene)
    at_work = 0
    for number in range(1, kills + 1):
        moment = life * scene.random.random()
        scene.stream.allow(max(1, mails * number // kills), life / 2)
        scene.service.start()
        if number % 2:
            time.sleep(moment)
        else:
            scene.service.wait_for_write(2 * life)
            time.sleep(0.03 * scene.random.random())
        scene.service.kill()
        at_work += derived(scene.home) < len(scene.stream.sent)
    return at_work


def _life(scene: Scene) -> float:
    """Return after how many seconds a started daemon has its first mail in the store, and a little more."""
    scene.stream.allow(1, 0)
    scene.stream.finish()
    began = time.monotonic()
    scene.service.start()
    if not scene.service.until(lambda: stored(scene.home) == 1, 60):
        raise AssertionError(f"no first mail: {scene.service.last_words()}")
    scene.service.kill()
    return 1.3 * (time.monotonic() - began)


def _strike_again_and_again(scene: Scene, strike: Strike, kills: int, mails: int) -> int:
    scene.service.start()
    at_work = 0
    for number in range(1, kills + 1):
        scene.stream.allow(max(1, mails * number // kills), 0.5)
        at_work += strike.strike(scene)
        if scene.random.random() < RECOVERS:
            # What rests is waited for at the end alone: a strike each second must not become one in an hour.
            due = len(scene.stream.sent)
            scene.service.until(
                lambda due=due: stored(scene.home) + resting(scene.home) >= due,  # type: ignore[misc]
                CATCHES_UP,
            )
        if not scene.service.running():
            raise AssertionError(f"the daemon ended by itself: {scene.service.last_words()}")
    return at_work


@contextlib.contextmanager
def _strike(fault: str, port: int) -> Iterator[tuple[Strike | None, int]]:
    """What strikes, None when the daemon itself is killed, and the port that the watcher connects to."""
    if fault in CUTS:
        with FaultProxy(port) as proxy:
            yield Cut(proxy, *CUTS[fault]), proxy.port
        return
    strikes: dict[str, Strike] = {
        "server": ServerGone(),
        "uidvalidity": OtherUidvalidity(),
        "disk": FullDisk(),
    }
    yield strikes.get(fault), port


def _place(fault: str, home: Home, mails: int) -> contextlib.AbstractContextManager[None]:
    return small_disk(home.vault.parent, mails) if fault == "disk" else contextlib.nullcontext()


def main() -> None:
    """Run, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fault", choices=(*FAULTS, "all"), default=KILL)
    parser.add_argument("--kills", type=int, default=300, help="how many times the fault strikes")
    parser.add_argument("--mails", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the server and the daemon end with it
    print(f"seed {arguments.seed}", flush=True)
    well = True
    with running_dovecot() as server:
        for fault in FAULTS if arguments.fault == "all" else (arguments.fault,):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    proof = prove(
                        fault, arguments.kills, arguments.mails, arguments.seed, server, Path(folder)
                    )
                except SkippedError as reason:
                    print(f"{fault}: skipped: {reason}", flush=True)
                    continue
            print(f"{fault}: {proof}", flush=True)
            well = well and proof.holds
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
