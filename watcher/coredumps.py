"""No memory of this process on a disk: it holds passwords, tokens and mail."""

from __future__ import annotations

import resource

_PR_SET_DUMPABLE = 4
"""prctl(2). Beside the limit, which a `core_pattern` that pipes to a program passes over (core(5))."""


def forbid() -> None:
    """Have the kernel write no core dump of this process, nor let others of its user look into it.

    A program that it executes is not concerned, but for the limit. Where there is no prctl, the limit is all.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import ctypes  # noqa: PLC0415  # for those who stay a while only

    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
