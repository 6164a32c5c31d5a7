"""A process and all that it started, as proc(5) shows them: how much memory they hold, and their end."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_DYING: Final = 5.0  # seconds for what was killed to be gone; a browser takes hundredths
_LOOK: Final = 0.005  # seconds between two looks whether it is
_HELD: Final = re.compile(r"^Rss(?:Anon|Shmem):\s*(\d+) kB", re.MULTILINE)


def family(root: int) -> list[int]:
    """The process and its descendants, each after its parent."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            with suppress(OSError, ValueError, IndexError):
                # The name of the program is in brackets, and may hold any character but the last bracket's.
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        waiting += children.get(process, [])
    return found


def memory(root: int) -> int:
    """Bytes that the family holds in memory and nobody else could hold for it: files are left out."""
    total = 0
    for process in family(root):
        with suppress(OSError):
            status = (_PROC / str(process) / "status").read_text(errors="replace")
            total += sum(int(kilobytes) for kilobytes in _HELD.findall(status)) * 1024
    return total


def end(root: int) -> None:
    """Kill the whole family, from the root, so that nobody is left to start a new one; see it gone.

    Until then a browser writes into its directory, and holds its memory.
    """
    killed = family(root)
    for process in killed:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)
    until = time.monotonic() + _DYING
    while any(map(_runs, killed)) and time.monotonic() < until:
        time.sleep(_LOOK)


def _runs(process: int) -> bool:
    """Whether it is there, and no zombie: that has nothing any more but an exit code."""
    try:
        stat = (_PROC / str(process) / "stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
