"""Whether memory grows while an mbox is read: a long one that is made as it is read, and a sparse one.

    python tests/bench/bench_mbox.py [GIGABYTES]      default 4; 50 takes some minutes and no disk

Prints gigabytes read, mails, megabytes a second, and the peak of resident memory after each quarter.
"""

from __future__ import annotations

import io
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.batch.mbox import Mbox
from watcher.batch.sources import Rules, mails

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GB = 1 << 30
LIMIT = 64 << 20
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
    print(f"{read / GB:6.1f} of {size / GB:.0f} GB  {count:>9} mails  {rate:6.0f} MB/s  {peak()} MB")


def dense(size: int) -> None:
    print(f"dense, made as it is read; before: {peak()} MB")
    begin, shown, count = time.monotonic(), 0, 0
    for piece in Mbox(io.BufferedReader(Endless(size), 1 << 20), LIMIT):  # type: ignore[arg-type]
        count += 1
        if piece.offset >= (shown + 1) * size / 4:
            shown += 1
            report(size, piece.offset, count, time.monotonic() - begin)
    report(size, size, count, time.monotonic() - begin)


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


if __name__ == "__main__":
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 4
    dense(int(gigabytes * GB))
    sparse(int(gigabytes * GB))
