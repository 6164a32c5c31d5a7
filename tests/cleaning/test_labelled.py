"""The goals on labelled newsletters, with the scorer beside them; skipped where they are absent."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from watcher.cleaning import Identity, Policy, clean, to_text


@pytest.fixture(scope="module")
def scores(gold: Path) -> dict[str, dict[str, float]]:
    """The scorer's summary of `to_text`, by group of documents."""
    scorer = _scorer(gold)
    rows = []
    for document in scorer.load(str(gold)):
        path = document["sibling_path"]
        sibling = Path(path).read_bytes().decode() if path else None
        rows.append(scorer.score(document, to_text(document["source"], sibling, document["kind"])))
    return dict(scorer.slices(rows))


def _scorer(gold: Path) -> Any:
    spec = importlib.util.spec_from_file_location("score", gold / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    assert isinstance(module, ModuleType)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("group", "measure", "least"),
    [
        ("all", "f1", 0.985),
        ("all", "recall", 0.995),
        ("all", "clean", 0.80),
        ("all", "min_recall", 0.95),
        ("mailchimp", "f1", 0.99),
        ("text", "f1", 0.99),
    ],
)
def test_enough_is_kept(scores: dict[str, dict[str, float]], group: str, measure: str, least: float) -> None:
    """The goals of the reference, and no document that lost more than a twentieth of its text."""
    assert scores[group][measure] >= least


@pytest.mark.parametrize(("group", "most"), [("all", 0.03), ("mailchimp", 0.01), ("text", 0.02)])
def test_little_boilerplate_comes_through(
    scores: dict[str, dict[str, float]], group: str, most: float
) -> None:
    """Leak is the share of the labelled boilerplate words that are still in the text."""
    assert scores[group]["leak"] <= most


def test_every_body_is_cleaned_without_remote_references(gold: Path) -> None:
    """No attribute that loads anything is left in any safe HTML."""
    loading = re.compile(
        r"<[^<>]*\s(?:src|srcset|background|poster|action|data|on\w+)\s*=|url\(", re.IGNORECASE
    )
    for path in sorted(gold.glob("*/source.html")):
        html = clean(path.read_text(encoding="utf-8"), "", Identity.of(()), Policy.UNWRAP).html
        assert html, path.parent.name
        assert loading.search(re.sub(r'href="[^"]*"', "", html)) is None, path.parent.name
