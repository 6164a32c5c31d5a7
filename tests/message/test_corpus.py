"""Real mail: every file is read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from watcher.message import Unparseable, kind_of, parse
from watcher.record import Kind

if TYPE_CHECKING:
    from pathlib import Path


def _mails(folder: Path) -> list[Path]:
    return [
        each for each in sorted(folder.rglob("*")) if each.is_file() and each.suffix not in {".md", ".csv"}
    ]


def test_every_mail_of_the_corpus_is_a_message(corpus: Path) -> None:
    """None raises anything but `Unparseable`, and none of its text holds what cannot be stored."""
    read = 0
    for folder in sorted(corpus.iterdir()):
        if not folder.is_dir() or folder.name == "expected":
            continue
        for path in _mails(folder):
            try:
                message = parse(path.read_bytes())
            except Unparseable:
                continue
            assert f"{message.subject}{message.html}{message.plain}".encode() is not None, path.name
            assert all(each.name for each in message.attachments), path.name
            read += 1
    assert read >= 700


def test_no_subject_of_the_corpus_is_left_encoded_or_broken(corpus: Path) -> None:
    """Zero subjects with U+FFFD where the field can be decoded, zero encoded words left."""
    broken = [
        path.name
        for folder in ("newsletters", "claimed-only", "lists", "encodings", "transactional", "bounces")
        for path in _mails(corpus / folder)
        for subject in [parse(path.read_bytes()).subject]
        if "\ufffd" in subject or "=?utf-8?" in subject.lower()
    ]
    assert broken == []


@pytest.mark.parametrize(
    ("folder", "kinds"),
    [
        ("bounces", {Kind.BOUNCE, Kind.AUTO_REPLY}),
        ("transactional", {Kind.TRANSACTIONAL}),
        ("lists", {Kind.NEWSLETTER}),
    ],
)
def test_the_kinds_of_the_corpus_are_recognised(corpus: Path, folder: str, kinds: set[Kind]) -> None:
    """Without any knowledge of platforms."""
    wrong = [
        path.name
        for path in _mails(corpus / folder)
        if kind_of(parse(path.read_bytes()), platform=False)[0] not in kinds
    ]
    assert wrong == []


def test_newsletters_are_newsletters_once_their_platform_is_known(corpus: Path) -> None:
    """None is taken for a receipt, a report or a personal mail; one of them asks for a confirmation."""
    kinds = Counter(
        kind_of(parse(path.read_bytes()), platform=True)[0] for path in _mails(corpus / "newsletters")
    )
    assert kinds.keys() <= {Kind.NEWSLETTER, Kind.CONFIRMATION}
    assert kinds[Kind.CONFIRMATION] <= 1
