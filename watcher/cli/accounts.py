"""Doing something as another account: what that account may do is tried, not computed from modes."""

from __future__ import annotations

import grp
import os
import pwd
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Account:
    """A user with all of its groups, as `initgroups(3)` would give them to its processes."""

    name: str
    uid: int
    gid: int
    groups: frozenset[int]

    @classmethod
    def named(cls, name: str) -> Self | None:
        """Return the account of that name; None when this machine has none."""
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            return None
        return cls(name, entry.pw_uid, entry.pw_gid, frozenset(os.getgrouplist(name, entry.pw_gid)))

    @classmethod
    def owning(cls, path: Path) -> Self:
        """Return the account that owns `path`, or the nearest directory above it that is there.

        A number without a name, as in containers, has the group of the file and no other.
        """
        there = next(each for each in (path, *path.absolute().parents) if each.exists())
        status = there.stat()
        try:
            found = cls.named(pwd.getpwuid(status.st_uid).pw_name)
        except KeyError:
            found = None
        return found or cls(f"uid {status.st_uid}", status.st_uid, status.st_gid, frozenset({status.st_gid}))

    @property
    def is_this_process(self) -> bool:
        """Whether there is nothing to change."""
        return self.uid == os.geteuid()


def group_name(gid: int) -> str:
    """The name of a group, or its number."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def members(gid: int) -> frozenset[str]:
    """Return who is in a group, by /etc/group or as their own first group."""
    try:
        listed = grp.getgrgid(gid).gr_mem
    except KeyError:
        listed = []
    return frozenset(listed) | {each.pw_name for each in pwd.getpwall() if each.pw_gid == gid}


@contextmanager
def acting(account: Account, part: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """Yield what `part` yields in a process that is `account`; it is left there when the block here ends.

    That process is a copy of this one, so `part` finds its modules loaded; it imports none, because `account`
    may be unable to read them. Needs root and a process without threads, and neither when `account` is who we
    are already. Raises `RuntimeError` when `part` raises.
    """
    if account.is_this_process:
        with part() as text:
            yield text
        return
    answer_read, answer_write = os.pipe()
    go_read, go_write = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover  # a process that ends by _exit() writes down no coverage
        os.close(answer_read)
        os.close(go_write)
        _act(account, part, answer_write, go_read)
    os.close(answer_write)
    os.close(go_read)
    try:
        with open(answer_read, encoding="utf-8") as answer:  # noqa: PTH123  # it is a descriptor
            mark, _, text = answer.read().partition(" ")
        if mark != "yields":
            raise RuntimeError(f"as {account.name}: {text or 'the process ended without an answer'}")
        yield text
    finally:
        os.close(go_write)
        os.waitpid(child, 0)


def _act(
    account: Account, part: Callable[[], AbstractContextManager[str]], answer: int, go: int
) -> NoReturn:  # pragma: no cover  # see above
    try:
        os.setgroups(sorted(account.groups))
        os.setgid(account.gid)
        os.setuid(account.uid)
        with part() as text:
            os.write(answer, f"yields {text}".encode())
            os.close(answer)
            os.read(go, 1)  # until the other side closes it
    # The boundary of the process: nothing may go on from here into what the parent was doing.
    except BaseException as error:  # noqa: BLE001
        os.write(answer, f"raised {type(error).__name__}: {error}".encode())
    finally:
        os._exit(0)
