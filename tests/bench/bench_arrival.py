"""Mail in hand -> durably committed and searchable, one mail at a time: in this process, and with a worker.

    python tests/bench/bench_arrival.py [N] [FOLDER] [--stages]

N mails (default 300) of FOLDER (.eml files), or of our own samples, take the daemon's way: into the vault,
derived, into the store, noted in the vault. Between two mails there is a pause, as there is in life. Beside
it is shown what the disk alone takes to make as many bytes durable as the vault writes for a mail: that is in
each of the figures, and nothing can be faster. `--stages` tells what each step takes. Exit code 1 when half
of the mails took more than 3 ms, or one of a hundred more than 20 ms, in this process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))
sys.path.append(str(Path(__file__).resolve().parents[2]))  # behind an installed package: that is measured

from measuring import machine, verdict
from stages import Stages

from tests.support.newsletters import mailchimp_html
from watcher.archive import Archive
from watcher.derivation import Assignment, Here, Lanes, Limits
from watcher.settings import Links, Settings, Store
from watcher.vault import Arrival

PAUSE = 0.01  # seconds
WARM_UP = 10  # mails before the measurement: the first one loads the rules
WRITTEN = 11 * (8192 + 24)  # bytes of the -wal that one mail takes in the vault: its rows and their indexes
MEDIAN, LAST = 3.0, 20.0  # milliseconds
AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def mails(count: int, folder: Path | None) -> list[bytes]:
    if folder is not None:
        files = sorted(folder.rglob("*.eml"))
        return [file.read_bytes() for file in files[:: max(1, len(files) // count)][:count]]
    head = "From: Harbour <news@harbour.example.org>\r\nSubject: no. {}\r\nContent-Type: text/html"
    return [
        (head.format(n) + "\r\n\r\n" + mailchimp_html(extra="<p>word</p>" * (n % 7))).encode()
        for n in range(count)
    ]


class Way:
    """One way to derive, with databases of its own, and what each mail took: milliseconds."""

    def __init__(self, name: str, archive: Archive) -> None:
        self.name = name
        self._archive = archive
        self._mailbox = archive.vault.mailbox("bench", "INBOX").id
        self.whole: list[float] = []
        self.behind: list[float] = []

    def take(self, number: int, raw: bytes) -> None:
        began = time.perf_counter()
        arrival = Arrival(number, raw, AT, len(raw))
        self._archive.vault.store(self._mailbox, [arrival], uidvalidity=1, last_uid=number)
        stored = time.perf_counter()
        self._archive.derive_pending()
        done = time.perf_counter()
        self._archive.fold()  # as the daemon does before it waits
        self.whole.append((done - began) * 1000)
        self.behind.append((done - stored) * 1000)

    def show(self) -> None:
        show(f"{self.name}, bytes -> searchable", self.whole[WARM_UP:])
        show(f"{self.name}, vault -> searchable", self.behind[WARM_UP:])


def show(what: str, figures: list[float]) -> None:
    cut = statistics.quantiles(figures, n=100)
    print(f"{what:38}: p50 {cut[49]:6.2f} ms, p99 {cut[98]:6.2f} ms, worst {max(figures):6.1f} ms")


class Disk:
    """The disk by itself: as many bytes as a mail takes, written over old ones and made durable."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb+", buffering=0)
        self._file.write(bytes(100 * WRITTEN))
        os.fsync(self._file)
        self._times = 0
        self.took: list[float] = []

    def take(self) -> None:
        began = time.perf_counter()
        os.pwrite(self._file.fileno(), b"x" * WRITTEN, self._times % 100 * WRITTEN)
        os.fdatasync(self._file)
        self.took.append((time.perf_counter() - began) * 1000)
        self._times += 1


def opened(stack: ExitStack, root: Path, name: str, *, worker: bool) -> Way:
    places = Store(root / name / "newsletters.db", root / name / "vault.db", root / name / "media.db")
    settings = Settings(root / "inboxes.yaml", places, Links.UNWRAP, 50_000_000, None, ())
    assignment = Assignment.of(settings, ())
    derivation = Lanes(assignment, Limits()) if worker else Here(assignment)
    stack.enter_context(derivation)
    return Way(name, stack.enter_context(Archive.open(settings, (), derivation)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("number", nargs="?", type=int, default=300)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--stages", action="store_true")
    arguments = parser.parse_args()
    raws = mails(arguments.number + WARM_UP, arguments.folder)
    print(f"{len(raws)} mails, {sum(map(len, raws)) / len(raws) / 1000:.1f} kB each; {machine()}")
    stages = Stages() if arguments.stages else None
    with stages or nullcontext(), tempfile.TemporaryDirectory() as root, ExitStack() as stack:
        disk = Disk(Path(root) / "probe")
        ways = [opened(stack, Path(root), "in this process", worker=False)]
        if not arguments.stages:
            ways.append(opened(stack, Path(root), "with a worker", worker=True))
        for number, raw in enumerate(raws, 1):
            if stages is not None and number == WARM_UP:
                stages.seconds.clear()
            for way in ways:  # in turns: a busy machine is busy for both
                time.sleep(PAUSE)
                way.take(number, raw)
            time.sleep(PAUSE)
            disk.take()
        for way in ways:
            way.show()
    show("the disk alone", disk.took)
    if stages is not None:
        stages.quantiles(len(raws) - WARM_UP)
    cut = statistics.quantiles(ways[0].whole[WARM_UP:], n=100)
    met = [
        verdict(f"half of the mails: {cut[49]:.2f} ms", cut[49] <= MEDIAN, f"at most {MEDIAN:.0f} ms"),
        verdict(f"99 of 100: {cut[98]:.2f} ms", cut[98] <= LAST, f"at most {LAST:.0f} ms"),
    ]
    sys.exit(max(met))


if __name__ == "__main__":
    main()
