"""What a worker gives up before it starts a browser: the network, and being root.

A network namespace of its own has no interface that is up, not even loopback (network_namespaces(7)):
whatever a mail makes the browser try ends inside. Root may enter one; anybody else may where the system
lets users have user namespaces. Where neither is allowed the browser's own cage remains, and the service's
`PrivateNetwork=`.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Final

_CLONE_NEWUSER: Final = 0x1000_0000  # <linux/sched.h>
_CLONE_NEWNET: Final = 0x4000_0000
_NOBODY: Final = 65_534  # on every Linux, nsswitch or not: kernel.overflowuid


def cut_network() -> bool:
    """Move this process, and all that it starts, to where there is no network; whether that was allowed.

    For a process of one thread.
    """
    if not _tried_in_a_child():
        return False
    _unshare()
    return True


def give_up_root() -> None:
    """Become nobody, if this is root: Chromium's sandbox is for ordinary users. Raises `OSError`."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def owner() -> int:
    """The user that a worker of this process will run as."""
    return os.geteuid() or _NOBODY


def _tried_in_a_child() -> bool:
    """Whether `_unshare` works here: one that fails halfway would leave a process without a user."""
    child = os.fork()
    if child == 0:
        try:
            _unshare()
        except OSError:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _unshare() -> None:
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        _call(_CLONE_NEWNET)
        return
    _call(_CLONE_NEWUSER | _CLONE_NEWNET)
    # user_namespaces(7): the own ids alone may be mapped, the group only once setgroups(2) is given up.
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")


def _call(flags: int) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
