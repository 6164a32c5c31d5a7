"""malloc(3) for a process that lives for years: what it frees goes back to the system.

glibc gives each new thread an arena of its own, up to eight for each processor, so that none waits for
another one in malloc. What is freed in one arena serves no thread of another, and a page goes back only when
all behind it is free. Python runs one thread at a time anyway: one arena is enough.

Large blocks are mapped, and go back as soon as they are freed; but with the first one that is, glibc takes
the next of its size, up to 32 MB, from an arena. A batch of mail, or a dictionary that is trained, would
leave megabytes that nobody needs again for days.
"""

from __future__ import annotations

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
"""glibc's malloc.h; mallopt(3)."""

_LARGE = 128 << 10  # bytes; with what glibc begins, too. Who names it keeps it from rising.


def give_back() -> None:
    """Have this process hold no more than it needs; to be called before there is a second thread.

    Where the libc is another one, without mallopt, nothing happens.
    """
    import ctypes  # noqa: PLC0415  # for those who stay a while only

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)


def trim() -> None:
    """Give back the pages that are free between others that are held: after work that comes once a night."""
    import ctypes  # noqa: PLC0415

    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
