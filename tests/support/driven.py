"""The watcher's command line in a process that dies at a chosen boundary, or that notes every connection.

python -m tests.support.driven die POINT COMMAND...
python -m tests.support.driven audit FILE COMMAND...
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

DIED = 9
LOG = "PYTHON_AUDIT_LOG"  # a name that a worker keeps of the environment


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


def audit(path: str, who: str) -> None:
    """Write who is watched, every connection and every name looked up to `path`, a line each.

    Workers that this process starts are watched as well.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, f"watched: {who}\n".encode())
    os.environ[LOG] = path
    sys.path.insert(0, str(Path(__file__).with_name("audited")))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"socket.connect", "socket.sendto"}:
            address = arguments[1]
            if isinstance(address, tuple):
                os.write(file, f"{event} {address[0]} {address[1]}\n".encode())
        elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
            os.write(file, f"{event} {arguments[0]}\n".encode())
        elif event == "subprocess.Popen":
            program = [word for word in arguments[1][1:] if not word.isdecimal()]
            os.write(file, f"{event} {' '.join(program)}\n".encode())
        elif event in {"os.system", "webbrowser.open"}:
            os.write(file, f"{event}\n".encode())

    sys.addaudithook(hook)


def main() -> None:
    how, what, *command = sys.argv[1:]
    if how == "audit":
        audit(what, "command")
    else:
        owner, name, after = boundaries()[what]
        setattr(owner, name, _die_after(getattr(owner, name)) if after else _die)
    from watcher.cli import main as watcher

    watcher(command)


if __name__ == "__main__":
    main()
