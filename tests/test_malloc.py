"""The allocator of a process that lives long; each case is a process of its own, whose malloc it sets."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from watcher import malloc

with_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another libc has no such choices")

# What malloc holds is written as XML: malloc_info(3).
_BEGIN = """
import ctypes, sys, tempfile, threading
from watcher import malloc

if sys.argv[1] == "given back":
    malloc.give_back()
libc = ctypes.CDLL(None)
for name in ("malloc", "fdopen", "strdup"):
    getattr(libc, name).restype = ctypes.c_void_p

def show():
    with tempfile.NamedTemporaryFile() as file:
        stream = ctypes.c_void_p(libc.fdopen(file.fileno(), b"w"))
        libc.malloc_info(0, stream)
        libc.fflush(stream)
        file.seek(0)
        print(file.read().decode())
"""

_THREADS = """
ready = threading.Barrier(9)

def work():
    libc.strdup(b"something that this thread takes from malloc by itself")
    ready.wait()
    ready.wait()

for _ in range(8):
    threading.Thread(target=work).start()
ready.wait()
show()
ready.wait()
"""

_LARGE_BLOCKS = """
for _ in range(2):
    block = ctypes.c_void_p(libc.malloc(5_000_000))
    show()
    libc.free(block)
"""


_PAGES = """
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

blocks = [ctypes.c_void_p(libc.malloc(8_000)) for _ in range(2_000)]
for block in blocks:
    ctypes.memset(block, 1, 8_000)
for block in blocks[:-1]:
    libc.free(block)
before = resident()
malloc.trim()
print(before - resident())
"""


def held(how: str, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN + program, how], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def mapped(how: str) -> list[bool]:
    """Whether a large block was mapped, and whether one that came after it was."""
    sizes = re.findall(r'<total type="mmap" count="\d+" size="(\d+)"/>', held(how, _LARGE_BLOCKS))
    return [int(size) >= 5_000_000 for size in sizes]


@with_glibc
def test_threads_share_one_arena() -> None:
    """Eight threads that allocate at the same time would have one each."""
    assert held("given back", _THREADS).count("<heap ") == 1
    assert held("as it comes", _THREADS).count("<heap ") > 1


@with_glibc
def test_a_large_block_is_always_mapped() -> None:
    """What was mapped goes back when it is freed; else only the first of its size is."""
    assert mapped("given back") == [True, True]
    assert mapped("as it comes") == [True, False]


@with_glibc
def test_what_is_free_below_something_held_is_given_back() -> None:
    """By itself malloc gives back only what is free at the end."""
    assert int(held("given back", _PAGES)) > 10_000_000


@pytest.mark.parametrize(
    ("functions", "expected"),
    [(("mallopt", "malloc_trim"), [(-8, 1), (-3, 131_072), (0,)]), (("malloc_trim",), [(0,)]), ((), [])],
)
def test_a_libc_is_asked_for_what_it_has(
    monkeypatch: pytest.MonkeyPatch, functions: tuple[str, ...], expected: list[tuple[int, ...]]
) -> None:
    """Another libc has neither function, and the daemon runs there too."""
    asked: list[tuple[int, ...]] = []
    libc = SimpleNamespace(**{name: lambda *values: asked.append(values) for name in functions})
    monkeypatch.setattr("ctypes.CDLL", lambda _: libc)
    malloc.give_back()
    malloc.trim()
    assert asked == expected
