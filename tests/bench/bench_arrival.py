"""Mail in hand -> durably committed and searchable, one mail at a time: in this process, and with a worker.

    python tests/bench/bench_arrival.py [N] [FOLDER]

N mails (default 300) of FOLDER (.eml files), or of our own samples, take the daemon's way: into the vault,
derived, into the store, noted in the vault. Between two mails there is a pause, as there is in life.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.newsletters import mailchimp_html
from watcher.archive import Archive
from watcher.derivation import Assignment, Here, Lanes, Limits
from watcher.settings import Links, Settings, Store
from watcher.vault import Arrival

PAUSE = 0.01  # seconds
WARM_UP = 10  # mails before the measurement: the first one loads the rules
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
        self.whole.append((done - began) * 1000)
        self.behind.append((done - stored) * 1000)

    def show(self) -> None:
        for what, figures in (("bytes -> searchable", self.whole), ("vault -> searchable", self.behind)):
            cut = statistics.quantiles(figures[WARM_UP:], n=100)
            print(
                f"{self.name:16} {what}: p50 {cut[49]:6.2f} ms, p99 {cut[98]:6.2f} ms, "
                f"worst {max(figures[WARM_UP:]):6.1f} ms"
            )


def opened(stack: ExitStack, root: Path, name: str, *, worker: bool) -> Way:
    places = Store(root / name / "newsletters.db", root / name / "vault.db", root / name / "media.db")
    settings = Settings(root / "inboxes.yaml", places, Links.UNWRAP, 50_000_000, None, ())
    assignment = Assignment.of(settings, ())
    derivation = Lanes(assignment, Limits()) if worker else Here(assignment)
    stack.enter_context(derivation)
    return Way(name, stack.enter_context(Archive.open(settings, (), derivation)))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    raws = mails(count + WARM_UP, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    print(f"{len(raws)} mails, {sum(map(len, raws)) / len(raws) / 1000:.1f} kB each")
    with tempfile.TemporaryDirectory() as root, ExitStack() as stack:
        ways = [
            opened(stack, Path(root), "in this process", worker=False),
            opened(stack, Path(root), "with a worker", worker=True),
        ]
        for number, raw in enumerate(raws, 1):
            for way in ways:  # in turns: a busy machine is busy for both
                time.sleep(PAUSE)
                way.take(number, raw)
        for way in ways:
            way.show()


if __name__ == "__main__":
    main()
