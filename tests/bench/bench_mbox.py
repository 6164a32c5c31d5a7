"""Whether memory grows while an mbox is read: one that is made as it is read, a sparse one, and a real one.

    python tests/bench/bench_mbox.py [GIGABYTES] [--import GIGABYTES]

The first two are cut into mails; GIGABYTES (default 4) may be 50, which takes minutes and no disk. Prints
gigabytes read, mails, megabytes a second, and the peak of resident memory after each quarter. The third one
(default 1 GB, on the disk) goes through `watcher import`, all of whose processes are added up. Exit code 1
when the memory of the last quarter is more than a tenth above that of the second.
"""

from __future__ import annotations

import argparse
import io
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parent))

from measuring import machine, resident, verdict

from watcher.batch.mbox import Mbox
from watcher.batch.sources import Rules, mails

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GB = 1 << 30
LIMIT = 64 << 20
LOOK = 0.25  # seconds
LEVEL = 1.1
FROM = b"From news@example.org Sun Mar  1 09:30:00 2026\n"
HEAD = b"From: News <news@example.org>\nSubject: No. 1\nMessage-ID: <1@example.org>\n\n"


def mail(size: int) -> bytes:
    line = b"The harbour baths are open again, and the price stays below five euros.\n"
    return FROM + HEAD + b">From the editor\n" + line * (size // len(line)) + b"\n"


class Endless(io.RawIOBase):
    """The same mails over and over, up to a size."""

    def __init__(self, size: int) -> None:
        self._cycle = b"".join(mail(size) for size in (4_000, 20_000, 90_000, 15_000, 2_900_000))
        self._left = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        part = self._cycle[self._at : self._at + min(len(view), self._left)]
        view[: len(part)] = part
        self._at = (self._at + len(part)) % len(self._cycle)
        self._left -= len(part)
        return len(part)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def report(size: int, read: int, count: int, seconds: float) -> None:
    rate = read / seconds / 1e6
    print(
        f"{read / GB:6.1f} of {size / GB:.0f} GB  {count:>9} mails  {rate:6.0f} MB/s  {peak()} MB", flush=True
    )


def dense(size: int) -> list[int]:
    """Return the peak after each quarter, in MB."""
    print(f"dense, made as it is read; before: {peak()} MB")
    begin, peaks, count = time.monotonic(), [], 0
    for piece in Mbox(io.BufferedReader(Endless(size), 1 << 20), LIMIT):  # type: ignore[arg-type]
        count += 1
        if piece.offset >= (len(peaks) + 1) * size / 4:
            peaks.append(peak())
            report(size, piece.offset, count, time.monotonic() - begin)
    report(size, size, count, time.monotonic() - begin)
    return [*peaks, peak()]


def sparse(size: int) -> None:
    """Three mails with holes of gigabytes between them, which read as zeros: one line without an end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sparse.mbox"
        with path.open("wb") as file:
            for quarter in range(3):
                file.seek(quarter * size // 4)
                file.write(b"\n\n" * bool(quarter) + mail(4_000))
            file.truncate(size)
        print(f"sparse, {path.stat().st_blocks * 512 // 1024} kB on the disk; before: {peak()} MB")
        begin = time.monotonic()
        read = 0
        for count, each in enumerate(mails(path, Rules(limit=LIMIT)), 1):
            read += each.length
            report(size, read, count, time.monotonic() - begin)


def imported(size: int) -> list[int]:
    """Import a real file; returns the most memory of all processes in each quarter of the time, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        path, config = Path(folder) / "real.mbox", Path(folder) / "inboxes.yaml"
        config.write_text("store: {newsletters: newsletters.db, vault: vault/vault.db}\ninboxes: []\n")
        with path.open("wb") as file:
            endless = Endless(size)
            while data := endless.read(1 << 20):
                file.write(data)
        begin = time.monotonic()
        command = [sys.executable, "-m", "watcher", "--config", str(config), "import", str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        seen: list[int] = []
        while process.poll() is None:
            seen.append(resident(process.pid) // 1_000_000)
            time.sleep(LOOK)
        said, _ = process.communicate()
        seconds = time.monotonic() - begin
    if process.returncode:
        sys.exit("the import failed")
    quarter = max(1, len(seen) // 4)
    peaks = [max(seen[at : at + quarter]) for at in range(0, 4 * quarter, quarter)]
    rate = size / seconds / 1e6
    print(f"real, {size / GB:.1f} GB, {said.partition(':')[0]} by `watcher import`, {rate:.0f} MB/s")
    print(f"  most memory of each quarter: {', '.join(map(str, peaks))} MB")
    return peaks


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("gigabytes", nargs="?", type=float, default=4)
    parser.add_argument("--import", dest="real", metavar="GIGABYTES", type=float, default=1)
    arguments = parser.parse_args()
    print(machine())
    size = int(arguments.gigabytes * GB)
    parts = {"cutting": dense(size)}
    sparse(size)
    if arguments.real:
        parts["import"] = imported(int(arguments.real * GB))
    codes = [
        verdict(
            f"{part}: {peaks[-1]} MB in the last quarter, {peaks[1]} MB in the second",
            peaks[-1] <= LEVEL * peaks[1],
            "level",
        )
        for part, peaks in parts.items()
    ]
    sys.exit(max(codes))


if __name__ == "__main__":
    main()
