"""Our import beside the stack that one writes first.

That is mail-parser, BeautifulSoup, html2text, and sqlite-utils row by row. Both take the same files, in
turn, in one run; the ratios count, the seconds do not. Run it with

    python tests/bench/bench_import.py [FOLDER] [--rounds N]

FOLDER is a folder of .eml files; default: the corpus beside the project.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"


def naive(folder: Path, home: Path) -> int:
    """Import as most scripts do it; mails on which a library raises are left out, as those scripts do."""
    import html2text
    import mailparser
    import sqlite_utils
    from bs4 import BeautifulSoup

    db = sqlite_utils.Database(home / "naive.db")
    table = db["newsletters"]
    stored = 0
    for file in sorted(folder.rglob("*.eml")):
        try:
            mail = mailparser.parse_from_bytes(file.read_bytes())
            html = "\n".join(mail.text_html)
            soup = BeautifulSoup(html, "html.parser")
            for node in soup(["script", "style", "head", "link", "meta"]):
                node.decompose()
            for link in soup.find_all("a", href=True):
                link["href"] = link["href"].split("?")[0]
            for image in soup.find_all("img"):
                if image.get("width") == "1":
                    image.decompose()
            safe = str(soup)
            converter = html2text.HTML2Text()
            converter.body_width = 0
            text = converter.handle(safe) if html else "\n".join(mail.text_plain)
            row = {
                "subject": mail.subject,
                "sender": str(mail.from_),
                "date": str(mail.date),
                "text": text,
                "html": safe,
                "raw": file.read_bytes(),
            }
            if not stored:
                table.insert(row, pk="id")
                table.enable_fts(["subject", "text"], create_triggers=True, tokenize="porter")
            else:
                table.insert(row)
        except Exception:  # as such scripts are written: this is what is measured, not what we would do
            continue
        stored += 1
    return stored


def ours(folder: Path, home: Path, workers: int | None) -> None:
    """`watcher import` in this process; None: with as many workers as it chooses."""
    from watcher.cli import main_command

    config = home / "inboxes.yaml"
    config.write_text("store: {newsletters: newsletters.db, vault: vault/vault.db}\ninboxes: []\n")
    chosen = ["--workers", str(workers)] if workers else []
    main_command.main(["--config", str(config), "import", *chosen, str(folder)], standalone_mode=False)


@dataclass(frozen=True)
class Run:
    """Seconds of one run in a process of its own, its children included; imports are not counted."""

    cpu: float
    wall: float


def _measured(what: str, folder: Path, workers: int = 0) -> Run:
    with tempfile.TemporaryDirectory() as home:
        command = [
            sys.executable,
            __file__,
            str(folder),
            "--one",
            what,
            "--home",
            home,
            "--workers",
            str(workers),
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    cpu, wall = done.stdout.strip().splitlines()[-1].split()
    return Run(float(cpu), float(wall))


def _one(what: str, folder: Path, home: Path, workers: int) -> None:
    warm_up(home)
    before, start = os.times(), time.perf_counter()
    if what == "naive":
        naive(folder, home)
    else:
        ours(folder, home, workers or None)
    after = os.times()
    print(sum(after[:4]) - sum(before[:4]), time.perf_counter() - start)


def warm_up(home: Path) -> None:
    """Import everything that either side needs, so that the clock sees work alone."""
    import bs4  # noqa: F401
    import html2text  # noqa: F401
    import mailparser  # noqa: F401

    small = home / "warm"
    small.mkdir()
    (small / "mail.eml").write_bytes(b"From: a@example.org\nSubject: s\n\ntext\n")
    (home / "w").mkdir()
    ours(small, home / "w", 1)


def _build() -> str:
    from watcher.cleaning import COMPILED

    return "compiled" if COMPILED else "not compiled"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=CORPUS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", choices=["naive", "ours"])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--workers", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.one:
        _one(arguments.one, arguments.folder, arguments.home, arguments.workers)
        return
    if not arguments.folder.is_dir():
        sys.exit(f"{arguments.folder}: no such folder; name one with .eml files")
    count = len(list(arguments.folder.rglob("*.eml")))
    machine = f"{os.cpu_count()} processors, Python {platform.python_version()}, {_build()}"
    print(f"{count} mails, {machine}, {arguments.rounds} rounds")
    ratios: dict[str, list[float]] = {"one process, CPU": [], "one process, wall": [], "as shipped, wall": []}
    for number in range(1, arguments.rounds + 1):
        slow, one, shipped = (
            _measured("naive", arguments.folder),
            _measured("ours", arguments.folder, 1),
            _measured("ours", arguments.folder),
        )
        ratios["one process, CPU"].append(slow.cpu / one.cpu)
        ratios["one process, wall"].append(slow.wall / one.wall)
        ratios["as shipped, wall"].append(slow.wall / shipped.wall)
        print(
            f"round {number}, seconds CPU and wall: naive {slow.cpu:.2f} {slow.wall:.2f}; "
            f"ours, one process {one.cpu:.2f} {one.wall:.2f}; as shipped {shipped.cpu:.2f} {shipped.wall:.2f}"
        )
    for name, found in ratios.items():
        print(f"naive / ours, {name}: {statistics.median(found):.1f} ({min(found):.1f} to {max(found):.1f})")


if __name__ == "__main__":
    main()
