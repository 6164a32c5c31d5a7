"""The daemon says that there is something to draw, where somebody draws."""

from __future__ import annotations

import ctypes
import os
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING

from watcher.service.shutter import answer, due_file, press

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

IN_CLOSE_WRITE = 0x8  # <sys/inotify.h>


@contextmanager
def _watched(directory: Path) -> Iterator[Callable[[], list[str]]]:
    """A function that waits for files to be closed after writing, and gives their names."""
    libc = ctypes.CDLL(None)
    watch = libc.inotify_init()
    assert libc.inotify_add_watch(watch, os.fsencode(directory), IN_CLOSE_WRITE) > 0

    def events() -> list[str]:
        data, names = os.read(watch, 4096), []
        while data:  # inotify(7): descriptor, mask, cookie, length, name
            _, _, _, length = struct.unpack_from("iIII", data)
            names.append(data[16 : 16 + length].rstrip(b"\0").decode())
            data = data[16 + length :]
        return names

    yield events
    os.close(watch)


def test_nothing_is_made_where_nobody_draws(tmp_path: Path) -> None:
    """No file, no directory, no error."""
    press(tmp_path / "media.db")
    press(tmp_path / "nowhere" / "media.db")
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    """Who may write in the archive's directory must not have the daemon open other files."""
    (tmp_path / "screenshots-due").symlink_to(tmp_path / "elsewhere")
    press(tmp_path / "media.db")
    assert not (tmp_path / "elsewhere").exists()


def test_the_file_is_beside_the_media_and_closed_after_writing(tmp_path: Path) -> None:
    """What PathChanged= of systemd waits for is inotify's IN_CLOSE_WRITE."""
    media = tmp_path / "media.db"
    answer(media)
    assert due_file(media).exists()
    with _watched(tmp_path) as events:
        press(media)
        assert events() == ["screenshots-due"]
