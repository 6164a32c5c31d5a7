"""Slices: read for themselves, they give the mails that the whole gives."""

from __future__ import annotations

import mailbox
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support.home import mail
from watcher.batch import slices as room
from watcher.batch.cluster.filing import Filed, Known
from watcher.batch.importing import arrival
from watcher.batch.slices import Range, Whole, slices
from watcher.batch.sources import Rules, mails

if TYPE_CHECKING:
    from pathlib import Path

    from watcher.batch.filemail import FileMail

FROM = b"From news@example.org Sun Mar  1 09:30:%02d 2026\n"


def content(n: int, line_end: bytes = b"\n", extra: bytes = b"") -> bytes:
    body = f"No. {n}\n\n>From here on it is quoted.\n\nFrom nobody, without a time\n" + "long " * (n * 7)
    return mail(f"no. {n}", body, message_id=f"<{n}@example.org>").replace(b"\r\n", line_end) + extra


def mbox(line_end: bytes = b"\n") -> bytes:
    pieces = [FROM.replace(b"\n", line_end) % n + content(n, line_end) + line_end for n in range(12)]
    return b"".join(pieces)


def by_slices(path: Path, rules: Rules) -> list[FileMail]:
    return [each for piece in slices(path, rules) for each in piece.mails(rules)]


def told(found: list[FileMail]) -> list[tuple[object, ...]]:
    return [(each.source, each.position, each.raw, each.received_at, each.length) for each in found]


@pytest.mark.parametrize("size", [1, 97, 500, 1_000, 1_001, 5_000, 1 << 20])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_an_mbox_is_cut_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, line_end: bytes
) -> None:
    """Each mail belongs to the range where its From_ line begins, wherever the cuts are."""
    path = tmp_path / "old.mbox"
    path.write_bytes(mbox(line_end))
    monkeypatch.setattr(room, "_BYTES", size)
    pieces = [*slices(path, Rules())]
    assert all(isinstance(piece, Range) for piece in pieces)
    assert sum(piece.size for piece in pieces) == path.stat().st_size
    assert told(by_slices(path, Rules())) == told([*mails(path)])
    assert len([*mails(path)]) == 12


def test_every_cut_of_an_mbox(tmp_path: Path) -> None:
    """Two ranges, the cut at each byte: no mail twice, and none left out."""
    path = tmp_path / "old.mbox"
    path.write_bytes(mbox()[:2_500])
    expected = told([*mails(path)])
    (whole,) = slices(path, Rules())
    assert isinstance(whole, Range)
    for cut in range(1, 2_500):
        ranges = [
            Range(path, whole.source, "", whole.reading, begin, end)
            for begin, end in ((0, cut), (cut, whole.end))
        ]
        assert told([each for piece in ranges for each in piece.mails(Rules())]) == expected, cut


def test_a_mail_that_is_longer_than_many_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slices in its midst have no mail; over the limit, its beginning is kept."""
    path = tmp_path / "old.mbox"
    long = FROM % 1 + content(1, extra=b"a line of text\n" * 200_000) + b"\n"
    path.write_bytes(mbox() + long + mbox())
    monkeypatch.setattr(room, "_BYTES", 100_000)
    for rules in (Rules(), Rules(limit=1 << 20)):
        assert told(by_slices(path, rules)) == told([*mails(path, rules)])


def test_a_folder_of_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the whole, with its names; archives stay in one piece."""
    (tmp_path / "all").mkdir()
    box = mailbox.Maildir(tmp_path / "all" / "Maildir", create=True)
    for n in range(5):
        box.add(content(n))
    (tmp_path / "all" / "Maildir" / "tmp" / "unfinished").write_bytes(content(1))
    letters = tmp_path / "all" / "letters"
    letters.mkdir()
    for n in range(7):
        (letters / f"{n}.eml").write_bytes(content(n))
    (letters / "note.txt").write_text("no mail", encoding="ascii")
    (letters / "box").write_bytes(mbox())
    (letters / "large.mbox").write_bytes(mbox())
    (letters / "nothing.mbox").write_bytes(b"")
    with zipfile.ZipFile(letters / "more.zip", "w") as archive:
        archive.writestr("one.eml", content(40))
        archive.writestr("old.mbox", mbox())
    monkeypatch.setattr(room, "_NAMES", 3)
    monkeypatch.setattr(room, "_BYTES", 3_000)
    pieces = [*slices(tmp_path / "all", Rules())]
    assert {type(piece) for piece in pieces} == {room.Names, Range, Whole}
    found = by_slices(tmp_path / "all", Rules())
    assert told(found) == told([*mails(tmp_path / "all")])
    assert len(found) == 5 + 7 + 12 + 12 + 13


def test_an_mbox_by_length_stays_whole(tmp_path: Path) -> None:
    """Where a mail ends is said by its header, so no range can be begun without what is before it."""
    one = content(1)
    body = one.partition(b"\n\n")[2]
    path = tmp_path / "old.mbox"
    path.write_bytes(2 * (FROM % 1 + b"Content-Length: %d\n" % len(body) + one + b"\n"))
    (piece,) = slices(path, Rules())
    assert isinstance(piece, Whole)
    assert told([*piece.mails(Rules())]) == told([*mails(path)])


def test_what_is_no_mail_is_told_by_who_reads_it(tmp_path: Path) -> None:
    """A missing file, an empty one: one `Whole` each."""
    (tmp_path / "empty").touch()
    for name in ("empty", "missing"):
        assert [*slices(tmp_path / name, Rules())] == [Whole(tmp_path / name, str(tmp_path / name), None, 0)]


def test_a_filed_mail_travels(tmp_path: Path) -> None:
    """With everything that the vault keeps of it."""
    path = tmp_path / "one.eml"
    path.write_bytes(content(1))
    (one,) = mails(path)
    for limit in (1 << 20, 10):
        filed = Filed(arrival(one, limit), None)
        assert Filed.unpacked(filed.packed()) == filed


def test_known_uids_travel_as_a_file(tmp_path: Path) -> None:
    """63 bits each, looked up without unpacking them all."""
    Known([1, 5, (1 << 63) - 1]).write(tmp_path / "1.known")
    known = Known.read(tmp_path / "1.known")
    assert [uid in known for uid in (0, 1, 4, 5, (1 << 63) - 1)] == [False, True, False, True, True]
    assert 1 not in Known([])
