"""The allocator of a process that lives long."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# glibc writes what malloc holds as XML, an element for each arena: malloc_info(3).
_PROGRAM = """
import ctypes, sys, tempfile, threading
from watcher import malloc

if sys.argv[1] == "shared":
    malloc.share_one_arena()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
ready = threading.Barrier(9)

def work():
    kept = libc.strdup(b"something that this thread takes from malloc by itself")
    ready.wait()
    ready.wait()

libc.strdup.restype = ctypes.c_void_p
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
ready.wait()
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fdopen(file.fileno(), b"w"))
    libc.malloc_info(0, stream)
    libc.fflush(stream)
    file.seek(0)
    print(file.read().count(b"<heap "))
ready.wait()
"""


def arenas(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, how], capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another libc has no arenas to count")
def test_threads_share_one_arena() -> None:
    """Eight threads that allocate at the same time would have one each."""
    assert arenas("shared") == 1
    assert arenas("as it comes") > 1
