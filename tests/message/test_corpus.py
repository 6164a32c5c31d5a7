"""Real mail: every file is read, and other projects' expectations are met."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.expected import for_check
from watcher.message import Unparseable, kind_of, parse
from watcher.record import Kind

if TYPE_CHECKING:
    from pathlib import Path

_LEAST_AGREEMENT = 0.98


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


def test_other_projects_expect_the_same(corpus: Path) -> None:
    """At least 98 % of the fields that they state; the rest is taste.

    They want dates of 1969 and 3609, bytes dropped from a subject in Latin-1, an unquoted name taken as an
    address, both texts of an alternative, a preamble as text, and Windows paths without their backslashes.
    """
    check = _check(corpus)
    right = total = 0
    for source in sorted((corpus / "expected").glob("*.jsonl")):
        if source.stem == "providers":
            continue
        for line in source.read_text(encoding="utf-8").splitlines():
            wanted = json.loads(line)
            found = for_check((corpus / wanted["path"]).read_bytes())
            for _field, same, _wanted, _found in check.differences(wanted, found):
                right, total = right + bool(same), total + 1
    assert total >= 800
    assert right / total >= _LEAST_AGREEMENT


def _check(corpus: Path) -> Any:
    spec = importlib.util.spec_from_file_location("expected_check", corpus / "expected" / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
