"""Attachments out of the vault into files: with names of a stranger, and never outside one directory."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, Final

from watcher.message.file_names import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from watcher.message import Content

# Names that Windows takes for devices, whatever follows their first dot:
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_DEVICE: Final = re.compile(
    r"(?:con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE
)
_FOREIGN: Final = re.compile(
    r'[<>:"|?*/\\\x00-\x1f\x7f]'
)  # what one system or another has no room for in a name
_MOST_CLASHES: Final = 10_000


def write_out(contents: Iterable[Content], directory: Path) -> Iterator[tuple[Content, str]]:
    """Write each part to a new file in `directory`; gives it with the file's name.

    Nothing that is there is opened or replaced, be it a file or a link: a name that is taken gets a number.
    The directory is made if it is missing, and held open, so that no name can lead out of it. Raises
    `OSError`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for content in contents:
            name = _write(place, file_name(content.attachment.name), content.data)
            yield content, name
    finally:
        os.close(place)


def file_name(name: str) -> str:
    """A name for any file system: no device, no hidden file, no option of a command."""
    plain = _FOREIGN.sub("_", name).rstrip(". ") or "_"
    if plain[0] in ".-~" or _DEVICE.fullmatch(plain.partition(".")[0].rstrip()):
        plain = f"_{plain}"
    return _cut(plain, "")


def _write(place: int, name: str, data: bytes) -> str:
    for number in range(1, _MOST_CLASHES):
        wanted = name if number == 1 else _cut(name, f" ({number})")
        try:
            # O_EXCL: also a link that leads nowhere is there (open(2)).
            handle = os.open(
                wanted,
                os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC,
                0o600,
                dir_fd=place,
            )
        except FileExistsError:
            continue
        with open(handle, "wb") as file:  # noqa: PTH123  # it is a descriptor
            file.write(data)
        return wanted
    raise FileExistsError(errno.EEXIST, "there are thousands of files of this name", name)


def _cut(name: str, number: str) -> str:
    """The name with `number` before its extension, in as many bytes as a file system takes."""
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    end = f"{number}{dot}{extension}"
    return stem.encode()[: LONGEST - len(end.encode())].decode("utf-8", "ignore") + end
