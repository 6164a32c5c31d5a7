"""malloc(3) for a process that lives for years: threads that only wait for servers share one arena.

glibc gives each new thread an arena of its own, up to eight for each processor, so that none waits for
another one in malloc. What is freed in one arena serves no thread of another, and a page goes back to the
system only when everything behind it is free. Python runs one thread at a time anyway.
"""

from __future__ import annotations

_M_ARENA_MAX = -8
"""glibc's malloc.h; mallopt(3)."""


def share_one_arena() -> None:
    """Have all threads of this process allocate from one arena; for before there is a second thread.

    Where the libc has no arenas, or no mallopt, nothing happens.
    """
    import ctypes  # noqa: PLC0415  # for those who stay a while only

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
