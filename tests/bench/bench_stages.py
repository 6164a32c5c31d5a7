"""Where the time of an import goes: microseconds of processor time a mail for each step, in one process.

    python tests/bench/bench_stages.py [FOLDER] [--made N]

FOLDER holds .eml files; default: the corpus beside the project, or made mails where there is none.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))

from bench_floors import make
from bench_import import CORPUS, ours
from measuring import machine
from stages import Stages


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=CORPUS)
    parser.add_argument("--made", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = arguments.folder
        if arguments.made or not folder.is_dir():
            folder = make(Path(passing) / "made", arguments.made or 1_000)
        files = list(folder.rglob("*.eml"))
        size = sum(file.stat().st_size for file in files)
        print(f"{len(files)} mails, {size / len(files) / 1e3:.1f} kB each; {machine()}")
        for name in ("warm", "home"):
            (Path(passing) / name).mkdir()
        (Path(passing) / "one").mkdir()
        (Path(passing) / "one" / "mail.eml").write_bytes(files[0].read_bytes())
        ours(Path(passing) / "one", Path(passing) / "warm", 1)
        with Stages(time.process_time) as stages:
            before, start = time.process_time(), time.perf_counter()
            ours(folder, Path(passing) / "home", 1)
            cpu, wall = time.process_time() - before, time.perf_counter() - start
    stages.table(len(files), cpu)
    print(f"{wall / len(files) * 1e6:.0f} us of wall clock: what is more is the disk, and other programs")


if __name__ == "__main__":
    main()
