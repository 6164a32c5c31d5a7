"""Other projects' test messages: each is a record, and what they expect of it is met or accounted for."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.expected import for_check
from tests.support.promises import CONTEXT, keep
from watcher.pipeline import derive
from watcher.record import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

_ACCEPTED = Path(__file__).with_name("expected_differences.csv")
_LEAST_AGREEMENT = 0.98


@pytest.mark.parametrize("folder", ["mime", "malformed"])
def test_every_message_is_a_record_or_has_its_reason(corpus: Path, folder: str) -> None:
    """And what is promised of any record holds for it."""
    count = 0
    for path in sorted((corpus / folder).rglob("*")):
        if path.is_file() and path.suffix not in {".md", ".csv"}:
            record = derive(path.read_bytes(), CONTEXT)
            assert record.status is Status.DONE or record.warnings[0], path.name
            keep(record)
            count += 1
    assert count >= 20


def test_what_peers_expect_is_met_or_accounted_for(corpus: Path) -> None:
    """In at least 98 of 100 fields it is met; each other one stands in the list with its reason."""
    total, differing = 0, set()
    for file, field, same in _compared(corpus):
        total += 1
        if not same:
            differing.add((file, field))
    with _ACCEPTED.open(encoding="utf-8", newline="") as file:
        accepted = {(row["file"], row["field"]): row["reason"] for row in csv.DictReader(file)}
    assert differing == accepted.keys()
    assert all(accepted.values())
    assert total >= 800
    assert 1 - len(differing) / total >= _LEAST_AGREEMENT


def _compared(corpus: Path) -> Iterator[tuple[str, str, bool]]:
    check = _check(corpus)
    for source in sorted((corpus / "expected").glob("*.jsonl")):
        if source.stem == "providers":
            continue
        for line in source.read_text(encoding="utf-8").splitlines():
            wanted = json.loads(line)
            found = for_check((corpus / wanted["path"]).read_bytes())
            for field, same, _wanted, _found in check.differences(wanted, found):
                yield wanted["path"], field, bool(same)


def _check(corpus: Path) -> Any:
    spec = importlib.util.spec_from_file_location("expected_check", corpus / "expected" / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
