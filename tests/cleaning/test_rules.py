"""The rule file: each row is understood, documented and alone."""

from __future__ import annotations

import csv
import re
from collections import Counter
from importlib.resources import files

import pytest

from watcher.cleaning import RULES_VERSION
from watcher.cleaning.rules import fold, load

ROWS = list(
    csv.DictReader(
        files("watcher.cleaning").joinpath("boilerplate.csv").read_text(encoding="utf-8").splitlines()
    )
)
LANGUAGES = {"en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "fi", "tr"}


def test_every_row_says_where_it_comes_from() -> None:
    """Kind, pattern, meaning, owner, status, source and date are filled in."""
    for row in ROWS:
        assert all(row[name] for name in ("kind", "pattern", "what", "owner", "status", "source")), row
        assert row["status"] in {"verified", "documented", "unverified"}, row
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["checked"]), row


def test_no_pattern_stands_twice() -> None:
    """Two rows with one pattern would hide one of them."""
    twice = [
        key
        for key, times in Counter((row["kind"], fold(row["pattern"])) for row in ROWS).items()
        if times > 1
    ]
    assert twice == []


@pytest.mark.parametrize(
    "what", ["browser", "unsubscribe", "preferences", "why", "copyright", "address", "forward"]
)
def test_each_kind_of_line_has_phrases_in_twelve_languages(what: str) -> None:
    """A footer of any of the languages is known by several of its lines."""
    known = {row["language"] for row in ROWS if row["kind"] == "phrase" and row["what"] == what}
    missing = LANGUAGES - known
    assert missing <= ({"fi"} if what == "copyright" else set()) or not missing


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("https://a.us1.list-manage.com/unsubscribe?u=1", "unsubscribe"),
        ("https://a.us1.list-manage.com/unsubscribe/post", "unsubscribe"),
        ("https://a.us1.list-manage.com/unsubscribes", ""),
        ("https://a.us1.list-manage.com/track/click?u=1", ""),
        ("https://us1.campaign-archive2.com/?u=1&id=2&e=3", "browser"),
        ("https://us1.campaign-archive.com/?u=1&id=2", ""),
        ("https://list-manage.com.example.org/unsubscriber", ""),
        ("https://example.org/how-to-unsubscribe-from-anything", ""),
        ("https://example.org/mail/Unsubscribe.html?x=1", "unsubscribe"),
        ("https://example.org/news?next=/unsubscribe", ""),
        ("https://www.facebook.com/harbour", "social"),
        ("https://www.facebook.com/sharer/sharer.php?u=x", "share"),
        ("//www.instagram.com/harbour", "social"),
        ("mailto:?subject=x", "share"),
        ("mailto:jo@example.org", ""),
        ("javascript:unsubscribe()", ""),
        ("https://", ""),
        ("https://[/unsubscribe", "unsubscribe"),
    ],
)
def test_targets_are_matched_on_host_and_path(url: str, what: str) -> None:
    """Hosts on a label boundary, paths on a segment boundary, query fields by name."""
    assert load().target(url) == what


def test_version_names_the_state_of_the_rules() -> None:
    """Eight hexadecimal digits of the file's hash."""
    assert re.fullmatch(r"[0-9a-f]{8}", RULES_VERSION)
