"""Our import beside its floors, beside the stack that one writes first, and beside mu and notmuch.

    python tests/bench/bench_floors.py [FOLDER] [--rounds N] [--made N]

FOLDER holds .eml files; default: the corpus beside the project, or mails made from our samples where there is
none (`--made`: so many of these in any case). Every stack takes the same mails, in a process of its own, in
turn; the ratios of one round count, the seconds do not. The floors are described in floors.py. `mu` and
`notmuch` (Debian: maildir-utils, notmuch) are left out where they are not installed; they index and keep
neither text nor bytes. Exit code 1 when a goal is missed.
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
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parent))

from bench_import import CORPUS, naive, ours, warm_up
from floors import floor_a, floor_b, floor_c
from made_mail import Press
from measuring import machine, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

FLOORS = {"floor A": floor_a, "floor B": floor_b, "floor C": floor_c}
INDEXERS = {"mu index": "mu", "notmuch new": "notmuch"}
STACKS = (*FLOORS, "naive", "one process", "as shipped", *INDEXERS)
_MADE = 3_000


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of one run, its child processes included; what is imported or set up before is not counted."""

    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class Goal:
    """How many times the rate of `other` the rate of `stack` must be."""

    stack: str
    other: str
    least: float


GOALS = (
    Goal("one process", "floor C", 0.8),
    Goal("one process", "naive", 11),
    Goal("as shipped", "one process", 1.7),
    Goal("as shipped", "mu index", 0.9),
)


def work(stack: str, folder: Path, maildir: Path, home: Path) -> Callable[[], object]:
    """Prepare a stack; what is returned is the work that is measured."""
    if stack in FLOORS:
        import fast_mail_parser  # noqa: F401
        import selectolax.lexbor  # noqa: F401
        import zstandard  # noqa: F401

        files = sorted(folder.rglob("*.eml"))
        return lambda: FLOORS[stack](files, home)
    if stack == "mu index":
        _silently("mu", "init", f"--muhome={home}/mu", f"--maildir={maildir}", home=home)
        return lambda: _silently("mu", "index", f"--muhome={home}/mu", home=home)
    if stack == "notmuch new":
        (home / "mail").symlink_to(maildir)
        (home / "notmuch-config").write_text(
            f"[database]\npath={home}/index\nmail_root={home}/mail\n[user]\nname=Reader\n"
            "primary_email=reader@example.org\n[new]\ntags=new\nignore=\n"
        )
        (home / "index").mkdir()
        return lambda: _silently("notmuch", "new", "--no-hooks", home=home)
    warm_up(home)
    if stack == "naive":
        return lambda: naive(folder, home)
    return lambda: ours(folder, home, 1 if stack == "one process" else None)


def _silently(*command: str, home: Path) -> None:
    own = {"HOME": str(home), "NOTMUCH_CONFIG": str(home / "notmuch-config")}
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **own})


def _one(stack: str, folder: Path, maildir: Path, home: Path) -> None:
    prepared = work(stack, folder, maildir, home)
    before, start = os.times(), time.perf_counter()
    prepared()
    after = os.times()
    print(sum(after[:4]) - sum(before[:4]), time.perf_counter() - start)


def measured(stack: str, folder: Path, maildir: Path) -> Run:
    """Run a stack in a process and a directory of its own."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, __file__, str(folder), "--one", stack]
        command += ["--home", home, "--maildir", str(maildir)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    cpu, wall = done.stdout.split()[-2:]
    return Run(float(cpu), float(wall))


def as_maildir(folder: Path, target: Path) -> None:
    """Copy the mails as a mail reader keeps them: a Maildir, with the line ends of Unix."""
    for name in ("cur", "new", "tmp"):
        (target / name).mkdir(parents=True)
    for number, file in enumerate(sorted(folder.rglob("*.eml"))):
        content = file.read_bytes().replace(b"\r\n", b"\n")
        (target / "cur" / f"{number}.made:2,S").write_bytes(content)


def make(folder: Path, number: int) -> Path:
    """Write so many made mails as .eml files."""
    folder.mkdir()
    for each, (raw, _) in enumerate(Press().mails(number)):
        (folder / f"{each:06}.eml").write_bytes(raw)
    return folder


def compared(folder: Path, maildir: Path, rounds: int) -> dict[str, list[Run]]:
    """Return the runs of every stack that there is, one of each round."""
    stacks = [each for each in STACKS if each not in INDEXERS or shutil.which(INDEXERS[each])]
    for each in set(STACKS) - {*stacks}:
        print(f"{each}: not installed, left out")
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    for _ in range(rounds):
        for stack in stacks:
            runs[stack].append(measured(stack, folder, maildir))
    return runs


def tell(runs: dict[str, list[Run]], mails: int) -> None:
    """Print what one mail costs each stack, and how that compares with floor C."""
    floor = statistics.median(run.wall for run in runs["floor C"])
    print("stack          us CPU   us wall   wall, floor C = 1")
    for stack, found in runs.items():
        cpu = statistics.median(run.cpu for run in found)
        wall = statistics.median(run.wall for run in found)
        print(f"{stack:12} {cpu / mails * 1e6:8.0f}  {wall / mails * 1e6:8.0f}  {wall / floor:8.2f}")


def judged(runs: dict[str, list[Run]]) -> int:
    """Print what became of each goal; returns the exit code."""
    code = 0
    for goal in GOALS:
        if goal.other not in runs:
            continue
        pairs = list(zip(runs[goal.stack], runs[goal.other], strict=True))
        rates = [other.wall / one.wall for one, other in pairs]
        processors = statistics.median(other.cpu / one.cpu for one, other in pairs)
        rate = statistics.median(rates)
        figure = f"{goal.stack} against {goal.other}: {rate:.2f} times the rate"
        figure += f" ({min(rates):.2f} to {max(rates):.2f}; {processors:.2f} by processor time)"
        code = max(code, verdict(figure, rate >= goal.least, f"at least {goal.least}"))
    return code


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=CORPUS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--made", type=int, default=0)
    parser.add_argument("--one", choices=STACKS, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--maildir", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        _one(arguments.one, arguments.folder, arguments.maildir, arguments.home)
        return
    with tempfile.TemporaryDirectory() as passing:
        folder = arguments.folder
        if arguments.made or not folder.is_dir():
            folder = make(Path(passing) / "made", arguments.made or _MADE)
        as_maildir(folder, Path(passing) / "maildir")
        files = list(folder.rglob("*.eml"))
        size = sum(file.stat().st_size for file in files)
        print(f"{len(files)} mails, {size / 1e6:.1f} MB; {machine()}; {arguments.rounds} rounds")
        runs = compared(folder, Path(passing) / "maildir", arguments.rounds)
    tell(runs, len(files))
    sys.exit(judged(runs))


if __name__ == "__main__":
    main()
