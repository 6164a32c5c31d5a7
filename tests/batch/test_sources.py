"""Mail in files: what is found, where one mail ends, and when it was received."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from watcher.batch.mbox import Mbox, Piece
from watcher.batch.sources import NothingToImportError, arrival_time, mails, total_bytes

if TYPE_CHECKING:
    from pathlib import Path

FALLBACK = datetime(2026, 5, 1, tzinfo=UTC)


def mail(number: int, body: str = "text") -> bytes:
    headers = f"From: news@example.org\nMessage-ID: <{number}@example.org>\nSubject: No. {number}\n"
    return f"{headers}\n{body}\n".encode()


def mbox(*bodies: bytes, newline: bytes = b"\n") -> bytes:
    envelope = b"From news@example.org Sun Mar  1 09:30:00 2026"
    return b"".join(envelope + newline + body + newline for body in bodies)


def read(content: bytes) -> list[Piece]:
    return list(Mbox(io.BytesIO(content), 1 << 20))


def test_an_mbox_is_split_into_the_exact_bytes_of_each_mail() -> None:
    """The empty line before the next From_ belongs to the mbox, everything else to the mail."""
    assert [each.raw for each in read(mbox(mail(1), mail(2), mail(3)))] == [mail(1), mail(2), mail(3)]


def test_an_mbox_with_crlf_keeps_its_line_ends() -> None:
    """Line ends are part of a mail's bytes."""
    body = mail(1).replace(b"\n", b"\r\n")
    assert [each.raw for each in read(mbox(body, body, newline=b"\r\n"))] == [body, body]


def test_quoted_from_lines_are_restored() -> None:
    """Mboxrd takes one `>` off each `>From `, however many there are; other quotes stay."""
    content = mbox(mail(1, ">From here on\n>>From there\n> From a quote\nFromage"))
    assert read(content)[0].raw == mail(1, "From here on\n>From there\n> From a quote\nFromage")


@pytest.mark.parametrize(
    "line",
    ["From now on we write at noon", "From the editor"],
    ids=["prose", "heading"],
)
def test_a_sentence_that_begins_with_from_does_not_split_a_mail(line: str) -> None:
    """An unquoted body line counts as a separator only with a time in it."""
    content = mbox(mail(1, f"\n{line}\n"), mail(2))
    assert [each.raw for each in read(content)] == [mail(1, f"\n{line}\n"), mail(2)]


def test_a_from_line_within_a_paragraph_does_not_split_a_mail() -> None:
    """A separator follows an empty line."""
    body = mail(1, "he wrote\nFrom a@example.org Sun Mar  1 09:30:00 2026\nand so on")
    assert [each.raw for each in read(mbox(body))] == [body]


def test_an_mbox_without_received_takes_the_time_of_its_from_line() -> None:
    """RFC 4155: the From_ line holds the time of receipt in UTC."""
    assert read(mbox(mail(1)))[0].envelope_time == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_an_empty_mbox_holds_no_mail() -> None:
    """Nothing in, nothing out."""
    assert read(b"") == []


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            "Received: by mx.example.org; Sat, 02 May 2026 10:00:00 +0200\n",
            datetime(2026, 5, 2, 8, tzinfo=UTC),
        ),
        (
            "Received: from a.example.net\n\tby mx.example.org; Sat,\n\t02 May 2026 10:00:00 +0000\n",
            datetime(2026, 5, 2, 10, tzinfo=UTC),
        ),
        ("Date: Wed, 01 Apr 2026 12:00:00 +0000\n", datetime(2026, 4, 1, 12, tzinfo=UTC)),
        ("Date: Fri, 01 Jan 2038 12:00:00 +0000\n", FALLBACK),
        ("Date: yesterday\n", FALLBACK),
        ("Received: without a date\nDate: Wed, 01 Apr 2026 12:00:00\n", datetime(2026, 4, 1, 12, tzinfo=UTC)),
        ("Received: x; Fri, 01 Apr 1960 00:00:00 +0000\n", FALLBACK),
        ("Subject: Received: x; Sat, 02 May 2026 10:00:00 +0000\n", FALLBACK),
        ("", FALLBACK),
    ],
    ids=[
        "received",
        "folded",
        "date",
        "date-2038",
        "nonsense",
        "received-without",
        "year-1960",
        "subject",
        "none",
    ],
)
def test_when_a_mail_in_a_file_was_received(headers: str, expected: datetime) -> None:
    """The topmost Received decides; the sender's Date only where it is not after the file's own time."""
    assert arrival_time(f"{headers}\nDate: Sat, 02 May 2026 11:11:11 +0000\n".encode(), FALLBACK) == expected


def test_a_folder_of_eml_files_is_read_in_a_stable_order(tmp_path: Path) -> None:
    """Names decide, so that two imports of one folder give the same vault."""
    (tmp_path / "b").mkdir()
    for name, number in (("z.eml", 1), ("a.EML", 2), ("b/c.eml", 3)):
        (tmp_path / name).write_bytes(mail(number))
    (tmp_path / "notes.txt").write_text("no mail")
    assert [each.position for each in mails(tmp_path)] == ["a.EML", "z.eml", os.path.join("b", "c.eml")]
    assert total_bytes([tmp_path]) == 3 * len(mail(1)) + len("no mail")


def test_a_maildir_is_read_with_its_subfolders_and_without_tmp(tmp_path: Path) -> None:
    """A delivery in tmp is not finished; Maildir++ folders begin with a dot."""
    for folder in ("cur", "new", "tmp", ".News/cur", ".News/new", ".News/tmp"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "cur/1.a.host:2,S").write_bytes(mail(1))
    (tmp_path / "new/2.b.host").write_bytes(mail(2))
    (tmp_path / "tmp/3.c.host").write_bytes(mail(3))
    (tmp_path / ".News/new/4.d.host").write_bytes(mail(4))
    assert sorted(each.raw for each in mails(tmp_path)) == [mail(1), mail(2), mail(4)]


def test_a_mail_that_was_read_in_its_maildir_keeps_its_uid(tmp_path: Path) -> None:
    """Flags after `:2,` and the move from new to cur do not make it another delivery."""
    for folder in ("cur", "new"):
        (tmp_path / folder).mkdir()
    (tmp_path / "new/1.a.host").write_bytes(mail(1))
    before = next(mails(tmp_path)).uid
    (tmp_path / "new/1.a.host").rename(tmp_path / "cur/1.a.host:2,RS")
    assert next(mails(tmp_path)).uid == before


def test_another_mail_at_the_same_place_has_another_uid(tmp_path: Path) -> None:
    """A compacted mbox puts another mail at an old offset: it must not be called known."""
    file = tmp_path / "1.eml"
    file.write_bytes(mail(1))
    first = next(mails(file)).uid
    file.write_bytes(mail(2))
    assert next(mails(file)).uid != first


def test_a_single_file_is_told_by_its_content(tmp_path: Path) -> None:
    """An mbox begins with `From `, whatever its name; anything else is one mail."""
    (tmp_path / "export").write_bytes(mbox(mail(1), mail(2)))
    (tmp_path / "letter").write_bytes(mail(3))
    assert len(list(mails(tmp_path / "export"))) == 2
    assert [each.raw for each in mails(tmp_path / "letter")] == [mail(3)]


def test_a_folder_without_mail_says_what_was_expected(tmp_path: Path) -> None:
    """A wrong path is a clear error, not an import of nothing."""
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    with pytest.raises(NothingToImportError, match=r"no mail in this folder .*Maildir"):
        list(mails(tmp_path))
    with pytest.raises(NothingToImportError, match="neither a file nor a folder"):
        list(mails(tmp_path / "absent"))


def test_a_pipe_in_a_folder_is_no_mail_and_is_not_waited_for(tmp_path: Path) -> None:
    """Reading from it would never end; a dangling link holds nothing either."""
    os.mkfifo(tmp_path / "0.eml")
    (tmp_path / "1.eml").symlink_to(tmp_path / "gone")
    (tmp_path / "2.eml").write_bytes(mail(2))
    assert [each.raw for each in mails(tmp_path)] == [mail(2)]


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    """An mbox from which all mail was moved away is not a mail without bytes."""
    (tmp_path / "old.mbox").touch()
    with pytest.raises(NothingToImportError, match="the file is empty"):
        list(mails(tmp_path / "old.mbox"))
