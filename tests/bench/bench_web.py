"""Server times of the web pages over a large store, while a writer adds mail.

    python tests/bench/bench_web.py [STORE] [--rounds N]

STORE is what grow_store.py made; without one, a store of 300,000 newsletters is grown in a temporary folder
(about three minutes, 3 GB). A real `datasette` with the shipped settings serves it on loopback. Each round
asks every sort of page once, with another newsletter, word or value where there is one. Exit code 1 when a
goal is missed or an answer came too late.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.grow_store import COMMON, DEFAULT, RARE, arrivals, grow
from tests.support.web import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WARM_UP = 2  # rounds that do not count: SQLite reads what it will need
PAUSE = 0.5  # seconds between two mails of the writer


@dataclass(frozen=True)
class Page:
    """A sort of page: its address for a round, and the median that it must not exceed in milliseconds."""

    name: str
    address: Callable[[random.Random], str]
    goal: float
    took: list[float] = field(default_factory=list)


def pages(count: int) -> list[Page]:
    words = ("bridge", "river", "kiln", "winter", "council", "saturn", "rope", "honey")
    table = "/newsletters/newsletters"
    return [
        Page("front page", lambda _: "/", 50),
        Page("record page", lambda chance: f"{table}/{chance.randrange(1, count)}", 50),
        Page("table page", lambda _: table, 50),
        Page(
            "table page, one facet",
            lambda chance: f"{table}?_facet={chance.choice(['platform', 'inbox', 'month', 'language'])}",
            100,
        ),
        Page(
            "list, one facet chosen",
            lambda chance: f"/-/newsletters?platform={chance.choice(['mailchimp', 'substack', 'hubspot'])}",
            100,
        ),
        Page("list, one month", lambda chance: f"/-/newsletters?month=2024-{chance.randint(1, 12):02}", 100),
        Page("rare search", lambda _: f"/-/newsletters?q={RARE}", 15),
        Page("table page, rare search", lambda _: f"{table}?_search={RARE}", 50),
        Page("common-word search", lambda chance: f"/-/newsletters?q={COMMON}&n={chance.random()}", 250),
        Page("two common words", lambda chance: f"/-/newsletters?q={COMMON}+{chance.choice(words)}", 250),
        Page("table page, common-word search", lambda _: f"{table}?_search={COMMON}", 250),
        Page("statistics", lambda _: "/-/newsletters/statistics", 1000),
        Page("feed", lambda _: "/-/newsletters.atom", 250),
    ]


@contextmanager
def writing(store: Path, count: int) -> Iterator[subprocess.Popen[bytes]]:
    """Let another process add a mail every half second, as the daemon would."""
    arguments = [sys.executable, __file__, "--write", str(store), "--count", str(count)]
    with subprocess.Popen(arguments) as process:
        try:
            yield process
        finally:
            process.terminate()


def write(store: Path, count: int) -> None:
    """Add newsletters until somebody ends this process."""
    for _ in arrivals(store, count):
        time.sleep(PAUSE)


def measure(base: str, found: list[Page], rounds: int) -> list[str]:
    """Ask everything so many times; returns what went wrong."""
    chance = random.Random(1)
    wrong = []
    for number in range(rounds + WARM_UP):
        for page in found:
            address = base + page.address(chance)
            began = time.perf_counter()
            with urllib.request.urlopen(address, timeout=30) as response:
                body = response.read()
            took = (time.perf_counter() - began) * 1000
            if number >= WARM_UP:
                page.took.append(took)
            if response.status != 200 or b"too long" in body or b"interrupted" in body:
                wrong.append(f"{page.name}: {address} was not answered in time")
    return wrong


def main() -> None:
    """Measure, print a table, and compare it with the goals."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("store", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--count", type=int, default=DEFAULT, help="how many newsletters the store has")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(options.write, options.count)
        return
    with tempfile.TemporaryDirectory() as folder:
        store = options.store or Path(folder, "newsletters.db")
        if not store.exists():
            grow(store, options.count)
        found = pages(options.count)
        with serving(store) as web, writing(store, options.count) as writer:
            wrong = measure(web.base, found, options.rounds)
            if writer.poll() is not None:
                wrong.append("the writer ended by itself")
    print(f"{'milliseconds':32} {'best':>8} {'median':>8} {'worst':>8} {'goal':>8}")
    for page in found:
        median = statistics.median(page.took)
        missed = "" if median <= page.goal else "  missed"
        best, worst = min(page.took), max(page.took)
        print(f"{page.name:32} {best:8.1f} {median:8.1f} {worst:8.1f} {page.goal:8.0f}{missed}")
        if missed:
            wrong.append(page.name)
    for each in dict.fromkeys(wrong):
        print(f"goal missed: {each}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
