"""Every sender and wrapper of the rule table: opened to its destination, or removed, never guessed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from watcher.cleaning.identity import Identity
from watcher.cleaning.links import Verdict, clean_url, tracker_of
from watcher.cleaning.links.rules import table

CASES = list(csv.DictReader((Path(__file__).parent / "senders.csv").read_text(encoding="utf-8").splitlines()))
READER = Identity.of(["someone@inbox.invalid"])


def _decision(verdict: Verdict) -> tuple[str, str, str, str]:
    return verdict.action.value, verdict.url or "", verdict.role, verdict.rule


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['rule']} {case['url'][:60]}")
def test_a_link_of_a_known_sender_is_opened_or_removed_as_its_row_says(case: dict[str, str]) -> None:
    """A decodable link comes out as its destination, a public page stays, everything else is removed."""
    wanted = case["action"], case["clean"], case["role"], case["rule"]
    assert _decision(clean_url(case["url"], READER)) == wanted


def test_every_row_of_the_tracker_table_has_a_case() -> None:
    """A rule without a case would be a guess; `+` joins the rules of a chain."""
    tested = {rule for case in CASES for rule in case["rule"].split("+")}
    assert {row["rule"] for row in table("trackers.csv")} - tested == set()


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["role"] == "pixel"], ids=lambda case: case["rule"]
)
def test_an_open_pixel_is_recognised_as_a_tracker(case: dict[str, str]) -> None:
    """An image on the open grammar of a sender reports the reading, and names its rule."""
    found = tracker_of(case["url"])
    assert found is not None
    assert found[1] == case["rule"]
