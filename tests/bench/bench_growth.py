"""Whether an import slows down as the archive grows: the same mails into a small and into a large one.

    python tests/bench/bench_growth.py [--rows 1000000] [--keep FOLDER] [--rounds 5] [--mails 3000]

Both archives are grown out of made mails (made_mail.py) by the real writers of vault and store; only the
records are varied rather than derived, a thousand times each. A million mails take a quarter of an hour and
some 20 GB, so `--keep` keeps them for the next time; an interrupted run goes on. Then each round imports the
same mails into both, in turn, in one process: first mails of the month after, as they arrive in life, then a
backfill of old ones from all years. The goal is for the rate of work; what an archive takes to open, once for
each start, is told beside it. Exit code 1 when the goal is missed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

sys.path.append(str(Path(__file__).resolve().parent))

from made_mail import Press, write_mbox
from measuring import machine, verdict

from watcher.pipeline import Context, derive
from watcher.provider import catalogue
from watcher.record import Author, Record
from watcher.sketch import PLACES
from watcher.store import Store
from watcher.vault import Arrival, Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

SMALL = 10_000
GOAL = 0.8
_PORTION = 100  # mails of one transaction while an archive is grown
_MODELS = 1_000
_NEW = (1.0, 1.02)  # the month after the archive's last mail: what is new lies together in its indexes
_OLD = (0.0, 1.0)  # a backfill: each mail belongs somewhere else in them
_SEEDS = 2_000_003  # none of a growing archive


@dataclass(frozen=True, slots=True)
class Imported:
    """What one import took: seconds; `opening` is part of the rest, and the same for any number of mails."""

    cpu: float
    wall: float
    opening: float

    @property
    def work(self) -> float:
        """Seconds without those for opening the archive."""
        return self.wall - self.opening


@dataclass(frozen=True, slots=True)
class Ratio:
    """Rates of one round, large against small: of the work by the clock, of everything by processor time."""

    rate: float
    cpu: float


def count(home: Path) -> int:
    """Return how many mails the archive has; 0 without one."""
    path = home / "vault" / "vault.db"
    if not path.exists():
        return 0
    with Vault.look(path) as vault:
        return vault.counts().messages


def grow(home: Path, rows: int) -> None:
    """Add mails and their records, through vault and store, until there are so many."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "inboxes.yaml").write_text(
        "store: {newsletters: newsletters.db, vault: vault/vault.db}\ninboxes: []\n"
    )
    begun = there = count(home)
    if there >= rows:
        return
    press = Press(seed=there)
    models = [derive(raw, Context("import", moment)) for raw, moment in press.mails(_MODELS)]
    start = time.perf_counter()
    with Vault.open(home / "vault" / "vault.db") as vault, Store.open(home / "newsletters.db") as store:
        store.write_providers(catalogue())
        mailbox = vault.mailbox("import", "made").id
        while there < rows:
            portion = range(there, min(there + _PORTION, rows))
            _add(vault, store, mailbox, press, models, portion)
            there = portion.stop
            if there % 100_000 == 0:
                print(
                    f"  {there:>9,} mails, {(there - begun) / (time.perf_counter() - start):,.0f} a second",
                    flush=True,
                )
            if there % 10_000 == 0:
                vault.train_dictionary()
        store.keep_house()


def _add(
    vault: Vault, store: Store, mailbox: int, press: Press, models: list[Record], numbers: range
) -> None:
    made = [press.mail(press.share()) for _ in numbers]
    arrivals = [
        Arrival(number + 1, raw, moment, len(raw))
        for number, (raw, moment) in zip(numbers, made, strict=True)
    ]
    stored = vault.store(mailbox, arrivals, uidvalidity=1, last_uid=0)
    store.write(
        (number, _record(press, models[number % len(models)], moment))
        for number, (_, moment) in zip(stored.new, made, strict=True)
    )
    vault.finish(stored.new, [], models[0].pipeline_version)


def _record(press: Press, model: Record, moment: datetime) -> Record:
    """Return a record of the same form as the model's, with words of its own."""
    lines = [press.words(len(line)).decode() if len(line) > 40 else line for line in model.text.split("\n")]
    received = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    domain = press.domain().decode()
    return replace(
        model,
        received_at=received,
        sent_at=received,
        subject=press.words(1).decode(),
        author=Author(model.author.name, f"news@{domain}", domain),
        text="\n".join(lines),
        wording=press.number(),  # as unlike all others as those of different words are
        sketch=press.number().to_bytes(8) + os.urandom(PLACES - 8),
    )


def imported(home: Path, mbox: Path, workers: int) -> Imported:
    """Import in a process of its own, as the command line does."""
    command = [sys.executable, __file__, "--one", str(mbox), "--home", str(home), "--workers", str(workers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Imported(*map(float, done.stdout.split()[-3:]))


def _one(home: Path, mbox: Path, workers: int) -> None:
    from watcher import pipeline  # noqa: F401  # loads the rules: neither work nor opening
    from watcher.archive import Archive
    from watcher.cli import main_command

    opened = Archive.open
    seconds: list[float] = []

    @contextmanager
    def timed(*given: object, **named: object) -> Iterator[Archive]:
        start = time.perf_counter()
        with opened(*given, **named) as archive:
            seconds.append(time.perf_counter() - start)
            yield archive

    chosen = ["--workers", str(workers)] if workers else []
    before, start = os.times(), time.perf_counter()
    with mock.patch.object(Archive, "open", timed):
        main_command.main(
            ["--config", str(home / "inboxes.yaml"), "import", *chosen, str(mbox)], standalone_mode=False
        )
    after = os.times()
    print(sum(after[:4]) - sum(before[:4]), time.perf_counter() - start, seconds[0])


def compared(small: Path, large: Path, mails: int, rounds: int, days: tuple[float, float]) -> list[Ratio]:
    """Return for each round the rate of the large archive against that of the small one.

    `days`: from when the mails are, as parts of the period of those that are there.
    """
    ratios: list[Ratio] = []
    for number in range(1, rounds + 1):
        with tempfile.TemporaryDirectory(dir=small.parent) as folder:
            mbox = Path(folder) / "fresh.mbox"
            write_mbox(mbox, mails, _SEEDS + count(large) + number, *days)
            copy = Path(folder) / "small"
            shutil.copytree(small, copy)
            few, many = imported(copy, mbox, workers=1), imported(large, mbox, workers=1)
        ratios.append(Ratio(few.work / many.work, few.cpu / many.cpu))
        print(
            f"round {number}: {mails / few.work:,.0f} a second ({few.cpu:.2f} s CPU, opened in "
            f"{few.opening:.2f} s) against {mails / many.work:,.0f} ({many.cpu:.2f} s CPU, "
            f"opened in {many.opening:.2f} s)",
            flush=True,
        )
    return ratios


def _size(home: Path) -> str:
    sizes = {
        path.name: path.stat().st_size for path in (home / "vault" / "vault.db", home / "newsletters.db")
    }
    return ", ".join(f"{name} {size / 1e9:.2f} GB" for name, size in sizes.items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--mails", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="where the grown archives stay")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        _one(arguments.home, arguments.one, arguments.workers)
        return
    print(machine())
    with tempfile.TemporaryDirectory() as passing:
        root = arguments.keep or Path(passing)
        small, large = root / "small", root / "large"
        for home, rows in ((small, SMALL), (large, arguments.rows)):
            grow(home, rows)
            print(f"{count(home):,} mails: {_size(home)}")
        codes = [
            _judged(
                f"{what}, {arguments.rows:,} mails",
                compared(small, large, arguments.mails, arguments.rounds, days),
            )
            for what, days in (("new mail", _NEW), ("old mail of all years", _OLD))
        ]
    sys.exit(max(codes))


def _judged(what: str, ratios: list[Ratio]) -> int:
    rates = [ratio.rate for ratio in ratios]
    middle = statistics.median(rates)
    cpu = statistics.median(ratio.cpu for ratio in ratios)
    figure = f"{what}: {middle:.2f} times the rate at {SMALL:,} ({min(rates):.2f} to {max(rates):.2f}; "
    figure += f"{cpu:.2f} by processor time, opening included)"
    return verdict(figure, middle >= GOAL, f"at least {GOAL}")


if __name__ == "__main__":
    main()
