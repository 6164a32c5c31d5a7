"""What a rebuild takes: memory of all its processes, and how much faster two workers are than one.

    python tests/bench/bench_rebuild.py [N] [--scaling M] [--rounds R] [--keep FOLDER]

A vault of N made mails (default 100,000; made_mail.py) is derived anew by `watcher rebuild` with two workers,
while the memory of the process and its children is added up four times a second; pages that they share count
once. Then a vault of M (default 10,000) is rebuilt with one and with two workers, in turn. `--keep` keeps the
vaults for the next time. `--scaling 0` and N of 0 leave a part out. Exit code 1 when a goal is missed: less
than 500 MB, and 1.8 times the rate.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))

from made_mail import Press
from measuring import machine, resident, verdict

from watcher.vault import Arrival, Vault

MEMORY = 500 * 1000 * 1000  # bytes
SCALING = 1.8
_PORTION = 200
_LOOK = 0.25  # seconds


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What one rebuild took: seconds, and the most memory in bytes."""

    cpu: float
    wall: float
    memory: int


def fill(home: Path, mails: int) -> None:
    """Make a vault of so many made mails, unless it is there."""
    path = home / "vault" / "vault.db"
    if path.exists():
        return
    home.mkdir(parents=True)
    (home / "inboxes.yaml").write_text(
        "store: {newsletters: newsletters.db, vault: vault/vault.db}\ninboxes: []\n"
    )
    press = Press()
    begun = path.with_name("begun.db")
    with Vault.open(begun) as vault:
        mailbox = vault.mailbox("import", "made").id
        for begin in range(0, mails, _PORTION):
            made = [press.mail(each / mails) for each in range(begin, min(begin + _PORTION, mails))]
            vault.store(
                mailbox,
                [Arrival(begin + n + 1, raw, moment, len(raw)) for n, (raw, moment) in enumerate(made)],
                uidvalidity=1,
                last_uid=0,
            )
            if begin == 10 * _PORTION:
                vault.train_dictionary()
    begun.rename(path)  # whole, or not at all


def rebuilt(home: Path, workers: int) -> Rebuilt:
    """Rebuild into a new store, as the command line does."""
    for name in ("newsletters.db", "newsletters.db-wal", "newsletters.db-shm"):
        (home / name).unlink(missing_ok=True)
    command = ["-m", "watcher", "--config", str(home / "inboxes.yaml"), "rebuild", "--workers", str(workers)]
    before, start = os.times(), time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    most = 0
    while process.poll() is None:
        most = max(most, resident(process.pid))
        time.sleep(_LOOK)
    wall, after = time.perf_counter() - start, os.times()
    said, problem = process.communicate()
    if process.returncode:
        sys.exit(f"the rebuild failed: {said.decode()}{problem.decode()}")
    return Rebuilt(sum(after[2:4]) - sum(before[2:4]), wall, most)


def memory(root: Path, mails: int) -> int:
    """Measure what a rebuild holds; returns the exit code."""
    home = root / f"vault-{mails}"
    fill(home, mails)
    took = rebuilt(home, 2)
    print(
        f"{mails:,} mails, 2 workers: {took.wall:.0f} s, {mails / took.wall:,.0f} a second, "
        f"{took.cpu / mails * 1e6:.0f} us CPU a mail"
    )
    figure = f"memory of all processes, {mails:,} mails: {took.memory / 1e6:.0f} MB"
    return verdict(figure, took.memory < MEMORY, f"less than {MEMORY / 1e6:.0f} MB")


def scaling(root: Path, mails: int, rounds: int) -> int:
    """Measure one worker against two; returns the exit code."""
    home = root / f"vault-{mails}"
    fill(home, mails)
    rates, bounds = [], []
    for number in range(1, rounds + 1):
        one, two = rebuilt(home, 1), rebuilt(home, 2)
        rates.append(one.wall / two.wall)
        bounds.append(2 * one.cpu / two.cpu)
        print(
            f"round {number}: one {mails / one.wall:,.0f} a second ({one.cpu / mails * 1e6:.0f} us CPU each, "
            f"{one.memory / 1e6:.0f} MB), two {mails / two.wall:,.0f} ({two.cpu / mails * 1e6:.0f} us CPU, "
            f"{two.memory / 1e6:.0f} MB)"
        )
    middle = statistics.median(rates)
    figure = f"two workers against one: {middle:.2f} times the rate ({min(rates):.2f} to {max(rates):.2f}; "
    figure += f"by processor time two free processors allow {statistics.median(bounds):.2f})"
    return verdict(figure, middle >= SCALING, f"at least {SCALING}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("number", nargs="?", type=int, default=100_000)
    parser.add_argument("--scaling", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as passing:
        root = arguments.keep or Path(passing)
        codes = [0]
        if arguments.scaling:
            codes.append(scaling(root, arguments.scaling, arguments.rounds))
        if arguments.number:
            codes.append(memory(root, arguments.number))
    sys.exit(max(codes))


if __name__ == "__main__":
    main()
