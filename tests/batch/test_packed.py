"""Packed files: whatever is in them streams out, and no more than their size allows."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
import zstandard

from watcher.batch.packed import Bounds, PackedFileError
from watcher.batch.sources import NothingToImportError, Rules, mails

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FROM = b"From news@example.org Sun Mar  1 09:30:00 2026\n"


def mail(number: int) -> bytes:
    return f"From: news@example.org\nSubject: No. {number}\n\ntext\n".encode()


MBOX = FROM + mail(1) + b"\n" + FROM + mail(2) + b"\n"


def zipped(**files: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), data)
    return content.getvalue()


def tarred(**files: bytes) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name.replace("__", "/").replace("_DOT_", "."))
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


def read(path: Path, content: bytes, bounds: Bounds | None = None) -> list[bytes]:
    path.write_bytes(content)
    rules = Rules(bounds=bounds) if bounds else Rules()
    return [each.raw for each in mails(path, rules)]


PACKINGS: dict[str, tuple[str, Callable[[], bytes], list[bytes]]] = {
    "gz": ("old.mbox.gz", lambda: gzip.compress(MBOX), [mail(1), mail(2)]),
    "zst": ("old.mbox.zst", lambda: zstandard.compress(MBOX), [mail(1), mail(2)]),
    "zst of two frames": (
        "old.zst",
        lambda: zstandard.compress(FROM + mail(1) + b"\n") + zstandard.compress(FROM + mail(2) + b"\n"),
        [mail(1), mail(2)],
    ),
    "one mail": ("one.eml.gz", lambda: gzip.compress(mail(7)), [mail(7)]),
    "takeout": (
        "takeout.zip",
        lambda: zipped(Takeout__index_DOT_html=b"<p>", Takeout__Mail__All_DOT_mbox=MBOX),
        [mail(1), mail(2)],
    ),
    "takeout.tgz": (
        "takeout.tgz",
        lambda: gzip.compress(tarred(Takeout__index_DOT_html=b"<p>", Takeout__Mail__All_DOT_mbox=MBOX)),
        [mail(1), mail(2)],
    ),
    "maildir": (
        "maildir.zip",
        lambda: zipped(
            m__cur__1_DOT_a=mail(1),
            m__new__2_DOT_b=mail(2),
            m__tmp__3_DOT_c=mail(3),
            **{"m___DOT_News__cur__4_DOT_d:2,S": mail(4)},
        ),
        [mail(4), mail(1), mail(2)],
    ),
    "eml files": (
        "letters.tar",
        lambda: tarred(b_DOT_eml=mail(2), a_DOT_eml=mail(1), notes_DOT_txt=b"no mail"),
        [mail(2), mail(1)],
    ),
    "packed in packed": (
        "all.zip",
        lambda: zipped(a_DOT_mbox_DOT_gz=gzip.compress(MBOX), b_DOT_zip=zipped(c_DOT_eml=mail(3))),
        [mail(1), mail(2), mail(3)],
    ),
}


@pytest.mark.parametrize(("name", "content", "expected"), PACKINGS.values(), ids=PACKINGS.keys())
def test_mail_comes_out_of_every_packing(
    tmp_path: Path, name: str, content: Callable[[], bytes], expected: list[bytes]
) -> None:
    """What is packed is told by its first bytes, what is in an archive by its name there."""
    assert read(tmp_path / name, content()) == expected


def test_packed_files_are_found_in_a_folder(tmp_path: Path) -> None:
    """By their suffix there: much else begins like a zip. A packed mail in a Maildir is a mail."""
    (tmp_path / "a.mbox.gz").write_bytes(gzip.compress(MBOX))
    (tmp_path / "letter.docx").write_bytes(zipped(c_DOT_eml=mail(9)))
    (tmp_path / "m/cur").mkdir(parents=True)
    (tmp_path / "m/cur/1.a.host,S=50:2,S").write_bytes(gzip.compress(mail(3)))
    assert [each.raw for each in mails(tmp_path)] == [mail(1), mail(2), mail(3)]


def test_a_mail_has_one_uid_each_time_an_archive_is_read(tmp_path: Path) -> None:
    """An interrupted import of an archive goes on where it ended."""
    file = tmp_path / "all.zip"
    file.write_bytes(zipped(a_DOT_mbox=MBOX, b_DOT_eml=mail(3)))
    first = [each.uid for each in mails(file)]
    assert first == [each.uid for each in mails(file)]
    assert len(set(first)) == 3


def test_the_bytes_of_a_packed_file_are_counted_as_they_lie_on_the_disk(tmp_path: Path) -> None:
    """A progress bar ends at the size of the file, however much comes out of it."""
    file = tmp_path / "old.mbox.gz"
    file.write_bytes(gzip.compress(MBOX * 1_000))
    assert sum(each.size for each in mails(file)) == file.stat().st_size


BOMBS = {
    "ratio": (Bounds(free=1_000, ratio=10), "more than"),
    "total": (Bounds(total=10_000), "more than 10000 bytes"),
    "entries": (Bounds(entries=2), "more than 2 files"),
    "depth": (Bounds(depth=1), "more than 1 packings in one another"),
}


@pytest.mark.parametrize(("bounds", "message"), BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_and_named(tmp_path: Path, bounds: Bounds, message: str) -> None:
    """Too much out of too little, too many files, too many packings: each ends the file with its reason."""
    content = zipped(
        a_DOT_eml=mail(1), b_DOT_eml_DOT_gz=gzip.compress(mail(2)), c_DOT_mbox=FROM + mail(3) + b"x" * 100_000
    )
    with pytest.raises(PackedFileError, match=message):
        read(tmp_path / "bomb.zip", content, bounds)


DAMAGES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "gz cut short": ("a.gz", lambda: gzip.compress(MBOX * 99)[:-20]),
    "gz of noise": ("a.gz", lambda: gzip.compress(MBOX)[:10] + b"\xff" * 40),
    "zip without its directory": ("a.zip", lambda: zipped(a_DOT_eml=mail(1))[:-30]),
    "zst of noise": ("a.zst", lambda: b"\x28\xb5\x2f\xfd" + b"\xff" * 40),
    "tar cut short": ("a.tar", lambda: tarred(a_DOT_eml=mail(1) * 99)[:700]),
}


@pytest.mark.parametrize(("name", "content"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_told_in_a_sentence(tmp_path: Path, name: str, content: Callable[[], bytes]) -> None:
    """Nobody should read a traceback of zlib."""
    with pytest.raises(PackedFileError, match="damaged or incomplete"):
        read(tmp_path / name, content())


def test_an_encrypted_zip_says_so(tmp_path: Path) -> None:
    """The flag of an encrypted entry (APPNOTE.TXT 4.4.4) is enough to know."""
    content = bytearray(zipped(a_DOT_eml=mail(1)))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(PackedFileError, match="encrypted"):
        read(tmp_path / "a.zip", bytes(content))


def test_an_archive_without_mail_says_what_was_expected(tmp_path: Path) -> None:
    """A wrong file is a clear error, not an import of nothing."""
    with pytest.raises(NothingToImportError, match="no mail in this archive"):
        read(tmp_path / "pictures.zip", zipped(a_DOT_png=b"\x89PNG"))


def test_a_large_mail_in_an_archive_is_measured(tmp_path: Path) -> None:
    """As anywhere, a mail over the limit is left out with its size."""
    (tmp_path / "a.eml.gz").write_bytes(gzip.compress(mail(1) + b"x" * 200_000))
    (found,) = mails(tmp_path / "a.eml.gz", Rules(limit=1_000))
    assert found.oversize
    assert found.length == len(mail(1)) + 200_000


def test_a_mail_that_is_one_byte_over_the_limit_is_over_it(tmp_path: Path) -> None:
    """The limit itself is allowed."""
    (tmp_path / "a.eml.gz").write_bytes(gzip.compress(mail(1)))
    sizes = (len(mail(1)), len(mail(1)) - 1)
    found = [next(iter(mails(tmp_path / "a.eml.gz", Rules(limit=size)))) for size in sizes]
    assert [each.oversize for each in found] == [False, True]
