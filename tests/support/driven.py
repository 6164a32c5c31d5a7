"""The watcher's command line in a process that dies at a chosen boundary, or that notes every connection.

python -m tests.support.driven die POINT COMMAND...
python -m tests.support.driven audit FILE COMMAND...
"""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

DIED = 9


def _die(*_: object, **__: object) -> None:
    os._exit(DIED)


def _die_after(function: Callable[..., Any]) -> Callable[..., None]:
    @functools.wraps(function)
    def wrapped(*arguments: object, **keywords: object) -> None:
        function(*arguments, **keywords)
        os._exit(DIED)

    return wrapped


def boundaries() -> dict[str, tuple[type, str, bool]]:
    """Name -> class, method, and whether death comes after it rather than before."""
    from watcher.archive import Archive
    from watcher.mailbox import Session
    from watcher.store import Store
    from watcher.vault import Vault

    return {
        "before the vault commits": (Vault, "store", False),
        "after the vault committed": (Vault, "store", True),
        "before the mailbox is touched": (Session, "mark_seen", False),
        "after the mailbox was touched": (Session, "mark_seen", True),
        "before the derivation": (Archive, "derive_pending", False),
        "before the store commits": (Store, "write", False),
        "after the store committed": (Store, "write", True),
        "after the vault was told": (Vault, "finish", True),
    }


def _audit(path: str) -> None:
    """Write every connection and every name looked up to `path`, a line each."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"socket.connect", "socket.sendto"}:
            address = arguments[1]
            if isinstance(address, tuple):
                os.write(file, f"{event} {address[0]} {address[1]}\n".encode())
        elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
            os.write(file, f"{event} {arguments[0]}\n".encode())
        elif event in {"subprocess.Popen", "os.system", "webbrowser.open"}:
            os.write(file, f"{event}\n".encode())

    sys.addaudithook(hook)


def main() -> None:
    how, what, *command = sys.argv[1:]
    if how == "audit":
        _audit(what)
    else:
        owner, name, after = boundaries()[what]
        setattr(owner, name, _die_after(getattr(owner, name)) if after else _die)
    from watcher.cli import main as watcher

    watcher(command)


if __name__ == "__main__":
    main()
