"""The daemon's only part in screenshots: it says that there is something to draw, if anybody draws here.

`watcher screenshots` makes a file beside media.db; a daemon that finds it touches it when mail was derived,
and systemd, which watches it (systemd.path(5)), starts the other service.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = "screenshots-due"


def due_file(media: Path) -> Path:
    """The file that is touched; `watcher-screenshots.path` names it too."""
    return media.with_name(_NAME)


def press(media: Path) -> None:
    """Say that there is something to draw. Nothing happens where nobody draws."""
    with suppress(OSError):  # no file, or not ours: mail comes first, and the timer finds it as well
        # To be closed after it was open for writing is a change to systemd, whatever was written.
        os.close(os.open(due_file(media), os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW))


def answer(media: Path) -> None:
    """Let the daemon know that somebody draws here. Raises `OSError`."""
    os.close(os.open(due_file(media), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o660))
