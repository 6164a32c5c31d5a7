"""File names of attachments: what a stranger wrote, made safe to show and to write to a disk."""

from __future__ import annotations

import csv
import re
import unicodedata
from importlib import resources

LONGEST = 255
"""Bytes in UTF-8: what common file systems take."""

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,16}\Z")
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})  # controls, bidi and zero-width marks, surrogates
_BLANKS = re.compile(r"\s+")


def _load() -> dict[str, str]:
    table = resources.files(__package__).joinpath("extensions.csv").read_text(encoding="utf-8")
    return {row["media_type"]: row["extension"] for row in csv.DictReader(table.splitlines())}


_EXTENSIONS = _load()


def safe(declared: str, media_type: str, number: int) -> str:
    """A name of one path component without controls, at most `LONGEST` bytes, never empty.

    Where nothing usable is declared it is `part-N` with the media type's extension.
    """
    name = declared.replace("\\", "/").rstrip("/ ").rpartition("/")[2]
    if not name.isascii() or not name.isprintable():
        name = "".join(
            char for char in name if char in "\t\r\n" or unicodedata.category(char) not in _DROPPED
        )
    name = _BLANKS.sub(" ", name).strip().rstrip(". ")
    if not name.strip("."):
        return f"part-{number}.{_EXTENSIONS.get(media_type, 'bin')}"
    return _cut(name)


def _cut(name: str) -> str:
    data = name.encode()
    if len(data) <= LONGEST:
        return name
    extension = _EXTENSION.search(name)
    kept = extension[0] if extension is not None else ""
    return data[: LONGEST - len(kept)].decode("utf-8", "ignore") + kept
