"""Screenshots of a folder of mails: how many have a picture or a reason, how long it takes, how large.

    python tests/bench/bench_screenshots.py FOLDER [--limit N] [--keep DIRECTORY]

Prints the machine first, because seconds of two machines cannot be compared.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import time
from collections import Counter
from pathlib import Path

from watcher.message import Unparseable, parse
from watcher.rendering import Camera, Reader, Shot
from watcher.rendering.browser import find_browser
from watcher.rendering.worker import NO_HTML


def main() -> None:
    """Draw every mail, and print what came of it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("folder", type=Path)
    options.add_argument("--limit", type=int)
    options.add_argument("--keep", type=Path, help="write the pictures there, to look at")
    asked = options.parse_args()
    version = subprocess.run([find_browser(), "--version"], capture_output=True, text=True, check=True).stdout
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{platform.machine()}, {os.cpu_count()} processors, load {load}; {version.strip()}")
    files = [each for each in sorted(asked.folder.rglob("*")) if each.is_file() and has_html(each)]
    outcomes = drawn(files[: asked.limit], asked.keep)
    report(outcomes)


def has_html(path: Path) -> bool:
    """Whether a file is a mail with an HTML body."""
    try:
        return bool(parse(path.read_bytes()).html.strip())
    except Unparseable:
        return False


def drawn(files: list[Path], keep: Path | None) -> list[tuple[Path, float, Shot]]:
    """Each mail with the seconds that it took, the start of the first browser apart."""
    taken = []
    with Camera() as camera:
        camera.take(b"Content-Type: text/html\n\n<p>the browser starts for this one", Reader())
        for path in files:
            raw, began = path.read_bytes(), time.perf_counter()
            shot = camera.take(raw, Reader())
            taken.append((path, time.perf_counter() - began, shot))
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                for picture in shot.pictures:
                    name = f"{path.parent.name}-{path.stem}-{picture.width}.webp"
                    (keep / name).write_bytes(picture.content)
        network = "without" if camera.alone else "with"
        print(
            f"browsers started {camera.started}, {network} a network; "
            f"worker and browser held {camera.peak >> 20} MB at most"
        )
    return taken


def report(taken: list[tuple[Path, float, Shot]]) -> None:
    """Print shares, times, sizes."""
    pictures = [picture for _, _, shot in taken for picture in shot.pictures]
    reasons = Counter(shot.reason for _, _, shot in taken if shot.reason)
    settled = sum(bool(shot.pictures) or bool(shot.reason) for _, _, shot in taken)
    drawn_mails = len(taken) - reasons.total()
    print(f"HTML mails {len(taken)}, with a picture or a reason {settled}, with pictures {drawn_mails}")
    for reason, count in reasons.most_common():
        print(f"  {count} without: {reason}" if reason != NO_HTML else f"  {count} without HTML")
    seconds = sorted(took / len(shot.pictures) for _, took, shot in taken if shot.pictures)
    mark = [seconds[min(len(seconds) - 1, int(len(seconds) * share))] for share in (0.5, 0.95, 0.99)]
    print(
        f"seconds a picture: p50 {mark[0]:.3f}, p95 {mark[1]:.3f}, p99 {mark[2]:.3f}, most {seconds[-1]:.3f}"
    )
    for width in sorted({each.width for each in pictures}, reverse=True):
        sizes = [len(each.content) / 1000 for each in pictures if each.width == width]
        print(
            f"KB at {width} pixels: mean {statistics.mean(sizes):.1f}, median {statistics.median(sizes):.1f}"
        )
    sizes = [len(each.content) / 1000 for each in pictures]
    cut = sum(each.cut for each in pictures)
    print(f"KB a picture: mean {statistics.mean(sizes):.1f}; {cut} were cut at the height limit")


if __name__ == "__main__":
    main()
