"""Attachments to files: whatever a stranger calls them, they stay in one directory and replace nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watcher.batch.extracting import file_name, write_out
from watcher.message import Content, contents
from watcher.message.file_names import LONGEST, safe
from watcher.record import Attachment

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    "../../etc/cron.d/x",
    "/etc/passwd",
    "..\\..\\windows\\x.dll",
    "C:\\temp\\x.txt",
    "..",
    ".",
    "",
    "~root",
    "-rf",
    ".bashrc",
    "CON",
    "con.txt",
    "NUL .tar.gz",
    "COM1",
    "lpt\u00b9.x",
    "a\x00b\nc\x1b[31m.txt",
    "gpj.\u202eexe",
    "x" * 400 + ".pdf",
    "\u00e4" * 200 + ".pdf",
    "a:b|c?.txt",
    "trailing. . .",
)


def content(name: str, data: bytes = b"words") -> Content:
    return Content(Attachment(safe(name, "text/plain", 1), "text/plain", len(data), ""), "", "", data)


@pytest.mark.parametrize("declared", NAMES)
def test_a_file_is_made_in_the_directory_and_nowhere_else(declared: str, tmp_path: Path) -> None:
    """One new file of a harmless name, whatever was declared."""
    place = tmp_path / "a" / "b" / "here"
    ((_, name),) = write_out([content(declared)], place)
    made = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert made == [place / name]
    assert made[0].read_bytes() == b"words"
    assert made[0].stat().st_mode & 0o777 == 0o600
    assert len(name.encode()) <= LONGEST
    assert name.isprintable()
    assert name[0] not in ".-~"
    assert name.partition(".")[0].rstrip().upper() not in {"CON", "NUL", "COM1", "LPT\u00b9"}
    assert not set(name) & set('<>:"|?*/\\')


def test_what_is_there_stays(tmp_path: Path) -> None:
    """Files, links and links to nowhere keep their place; the new file gets a number."""
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    place = tmp_path / "here"
    place.mkdir()
    (place / "a.txt").write_text("mine")
    (place / "b.txt").symlink_to(outside)
    (place / "c.txt").symlink_to(tmp_path / "nowhere.txt")
    names = ["a.txt", "b.txt", "c.txt", "a.txt", "x" * 400 + ".pdf", "x" * 400 + ".pdf"]
    written = [name for _, name in write_out(map(content, names), place)]
    assert written[:4] == ["a (2).txt", "b (2).txt", "c (2).txt", "a (3).txt"]
    assert written[5].endswith(" (2).pdf")
    assert len(written[5].encode()) <= LONGEST
    assert outside.read_text() == (place / "a.txt").read_text() == "mine"
    assert not (tmp_path / "nowhere.txt").exists()


def test_a_directory_in_the_way_of_a_name_is_no_way_out(tmp_path: Path) -> None:
    """A name that is a directory's, or a link to one, is taken."""
    (tmp_path / "elsewhere").mkdir()
    place = tmp_path / "here"
    place.mkdir()
    (place / "a").mkdir()
    (place / "b").symlink_to(tmp_path / "elsewhere")
    assert [name for _, name in write_out([content("a"), content("b")], place)] == ["a (2)", "b (2)"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_ordinary_name_stays() -> None:
    """Nobody's letters are changed without need."""
    for name in ("Programm für Mai (2).pdf", "budget-2026.tar.gz", "議事録.txt", "a"):
        assert file_name(name) == name


def test_the_bytes_are_those_of_the_part() -> None:
    """Decoded from the transfer encoding, and nothing else done to them."""
    raw = (
        b"From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf; name=x.pdf\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjcKAAE=\r\n"
    )
    (found,) = contents(raw)
    assert found.data == b"%PDF-1.7\n\x00\x01"
