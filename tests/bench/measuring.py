"""What the benches have in common: the machine in one line, and the verdict on a goal."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """Return what matters of the machine and of the program, and how busy the machine is."""
    from watcher.cleaning import COMPILED

    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    build = "compiled" if COMPILED else "not compiled"
    return (
        f"{platform.machine()}, {os.cpu_count()} processors, {round(pages * size / 1e9)} GB, "
        f"Python {platform.python_version()}, {build}; load {os.getloadavg()[0]:.1f}"
    )


def verdict(figure: str, met: bool, goal: str) -> int:
    """Print a figure beside its goal; returns the exit code that it deserves."""
    print(f"{'met   ' if met else 'MISSED'} {figure}; the goal: {goal}")
    return 0 if met else 1


def family(pid: int) -> list[int]:
    """Return a process and all of its descendants, as far as they live."""
    found = [pid]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            found += map(int, _read(children).split())
    return found


def resident(pid: int) -> int:
    """Return the bytes of memory of a process and its descendants; shared pages are counted once (PSS)."""
    total = 0
    for each in family(pid):
        for line in _read(Path(f"/proc/{each}/smaps_rollup")).splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) << 10
    return total


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ProcessLookupError):  # it has ended meanwhile
        return ""
