"""mbox files of every flavour: how each is recognised, and that the mails come out as they went in."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime

import pytest

from watcher.batch import mbox
from watcher.batch.mbox import Flavour, Mbox, Piece, envelope_time, recognise

FROM = "From news@example.org Sun Mar  1 09:30:00 2026\n"


def mail(body: str, *fields: str) -> str:
    return "".join(f"{each}\n" for each in ("Subject: No. 1", *fields)) + f"\n{body}\n"


def written(*mails: str, envelope: str = FROM) -> bytes:
    return "".join(f"{envelope}{each}\n" for each in mails).encode()


def counted(body: str) -> str:
    return mail(body, f"Content-Length: {len(body) + 1}")


def pieces(content: bytes, limit: int = 1 << 20) -> list[Piece]:
    return list(Mbox(io.BytesIO(content), limit))


# What stands in the file, the flavour that this shows, and the body that the mail had.
FLAVOURS = {
    "nothing quoted": ("Words.", Flavour.MBOXRD, "Words."),
    "quoted once": (">From here on", Flavour.MBOXRD, "From here on"),
    "mboxrd: one > more than its neighbours": (
        "> he wrote\n>>From there\n> to here\n>From me",
        Flavour.MBOXRD,
        "> he wrote\n>From there\n> to here\nFrom me",
    ),
    "mboxo: as many > as its neighbours": (
        ">> he wrote\n>>From there\n>> to here\n\n>From me",
        Flavour.MBOXO,
        ">> he wrote\n>>From there\n>> to here\n\nFrom me",
    ),
    "mboxo: a quotation keeps its mark": (
        "> he wrote\n>From there\n> to here\n\n>From me",
        Flavour.MBOXO,
        "> he wrote\n>From there\n> to here\n\nFrom me",
    ),
    "separators alone": (
        "One.\n\nFrom the editor\n>From the other\n\n>From a@example.org Mon Mar  2 10:00:00 2026\nend",
        Flavour.SPARING,
        "One.\n\nFrom the editor\n>From the other\n\nFrom a@example.org Mon Mar  2 10:00:00 2026\nend",
    ),
}


@pytest.mark.parametrize(("body", "flavour", "original"), FLAVOURS.values(), ids=FLAVOURS.keys())
def test_quoting_is_undone_as_the_file_shows_it(body: str, flavour: Flavour, original: str) -> None:
    """Each flavour adds its own `>`; what a writer did not add is not taken off."""
    content = written(mail(body), mail("Another."))
    assert recognise(content).flavour is flavour
    assert [each.raw.decode() for each in pieces(content)] == [mail(original), mail("Another.")]


LENGTHS = {
    "mboxcl2": (
        "One.\n\nFrom a@example.org Mon Mar  2 10:00:00 2026\n>From you",
        Flavour.MBOXCL2,
        "One.\n\nFrom a@example.org Mon Mar  2 10:00:00 2026\n>From you",
    ),
    "mboxcl": (">From here on", Flavour.MBOXCL, "From here on"),
}


@pytest.mark.parametrize(("body", "flavour", "original"), LENGTHS.values(), ids=LENGTHS.keys())
def test_content_length_says_where_a_mail_ends(body: str, flavour: Flavour, original: str) -> None:
    """When it leads to the next From_ line it is believed, over lines that look like one."""
    content = written(counted(body), counted("Another."))
    assert recognise(content).flavour is flavour
    expected = counted(body).replace(body, original)
    assert [each.raw.decode() for each in pieces(content)] == [expected, counted("Another.")]


def test_a_wrong_content_length_is_not_believed() -> None:
    """A converter changed the body and left the field: the next From_ line ends the mail."""
    wrong = mail("Short.", "Content-Length: 70")
    content = written(wrong, mail("x" * 100), mail("Third."))
    assert [each.raw.decode() for each in pieces(content)] == [wrong, mail("x" * 100), mail("Third.")]


def test_a_content_length_that_is_wrong_later_costs_no_mail() -> None:
    """Each mail's is checked by itself."""
    good, bad = counted("Good."), mail("Changed afterwards.", "Content-Length: 3")
    content = written(good, bad, good)
    assert [each.raw.decode() for each in pieces(content)] == [good, bad, good]


def test_from_lines_without_a_time_are_told_by_the_header_behind_them() -> None:
    """Some writers put `From nobody` and nothing else; prose is not followed by a field."""
    first = mail("One.\n\nFrom the editor\nto the reader")
    content = written(first, mail("Two."), envelope="From nobody\n")
    assert [each.raw.decode() for each in pieces(content)] == [first, mail("Two.")]


def test_a_mail_over_the_limit_is_measured_and_not_kept() -> None:
    """Its neighbours come, and of itself only the beginning stays in memory."""
    large = mail("x" * 76 + ("\n" + "y" * 76) * 5_000)
    found = pieces(written(mail("One."), large, mail("Three.")), limit=100_000)
    assert [each.length for each in found] == [len(mail("One.")), len(large), len(mail("Three."))]
    assert len(found[1].raw) < 70_000
    assert found[2].raw.decode() == mail("Three.")
    assert found[2].offset == len(FROM) * 2 + len(mail("One.")) + len(large) + 2


def test_a_file_without_an_end_of_mail_stays_within_the_limit() -> None:
    """Megabytes without a line end, as a sparse file has them, are one mail too large to keep."""
    (piece,) = pieces(FROM.encode() + b"Subject: x\n\n" + bytes(5 << 20), limit=1 << 20)
    assert piece.length == 12 + (5 << 20)


@pytest.mark.parametrize("limit", [1_000, 50_000, 1 << 20])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_long_file_is_read_as_a_short_one(
    monkeypatch: pytest.MonkeyPatch, limit: int, newline: str
) -> None:
    """Wherever the pieces end in which it is read: offsets, lengths and bytes are those of the whole."""
    chance = random.Random(limit)
    sizes = [chance.choice((10, 300, 5_000, 200_000, 400_000)) for _ in range(30)]
    bodies = ["\n".join(["From here, a paragraph", "x" * 61] * (size // 84 + 1)) for size in sizes]
    content = written(*(mail("A line\n" + body) for body in bodies)).replace(b"\n", newline.encode())
    whole = pieces(content, limit)
    monkeypatch.setattr(mbox, "SAMPLE", 4_000)
    monkeypatch.setattr(mbox, "_BLOCK", 7_919)
    assert pieces(content, limit) == whole
    assert [each.length for each in whole] == [
        len(mail("A line\n" + body).replace("\n", newline)) for body in bodies
    ]
    assert [each.length > len(each.raw) for each in whole] == [each.length > limit for each in whole]


def test_what_takeout_puts_above_a_mail_is_taken_off() -> None:
    """The mail server hands the same mail out without these fields: it must be the same message."""
    labels = "X-GM-THRID: 1730000000000000000\nX-Gmail-Labels: Inbox,\n =?UTF-8?Q?B=C3=BCcher?=,Unread\n"
    content = written(labels + mail("One."), labels + mail("Two."))
    assert [each.raw.decode() for each in pieces(content)] == [mail("One."), mail("Two.")]


@pytest.mark.parametrize(
    "line",
    [
        b"From news@example.org Sun Mar  1 09:30:00 2026",
        b"From - Sun Mar  1 09:30:00 2026",
        b"From 1730000000000000000@xxx Sun Mar 01 09:30:00 +0000 2026",
        b"From a b@example.org Sun Mar  1 09:30:00 2026",
        b"From Sun Mar  1 09:30:00 2026",
    ],
)
def test_the_time_of_a_from_line(line: bytes) -> None:
    """RFC 4155 gives it in UTC, behind whatever stands for the sender."""
    assert envelope_time(line) == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_any_cut_into_blocks_gives_the_same_mails() -> None:
    """What a stream hands out at a time is no property of the file."""

    class Drops(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(7, size or 7))

    content = written(mail("One."), mail("Two.\n\n>From me"), mail("Three."))
    assert list(Mbox(Drops(content), 1 << 20)) == pieces(content)
