"""How values are worded."""

from __future__ import annotations

import pytest

from watcher.web.plugin import wording


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-10-04T15:05:00Z", "October 4, 2026 3:05 PM"),
        ("2026-01-31T00:00:59Z", "January 31, 2026 12:00 AM"),
        ("2026-12-01T12:30:00Z", "December 1, 2026 12:30 PM"),
        ("", "n/a"),
        (None, "n/a"),
        ("soon", "n/a"),
    ],
)
def test_dates_are_worded_as_the_archive_does(value: str | None, expected: str) -> None:
    """`Month D, YYYY H:MM AM/PM`, and n/a for what is no date."""
    assert wording.archive_date(value) == expected


def test_short_dates_and_months() -> None:
    """Lists show the day, facets the month."""
    assert wording.short_date("2026-10-04T15:05:00Z") == "4 Oct 2026"
    assert wording.short_date("x") == "n/a"
    assert wording.month_name("2026-02") == "February 2026"
    assert wording.month_name("2026-13") == "2026-13"
    assert wording.month_name("") == "n/a"


def test_names_cannot_turn_the_line_around() -> None:
    """Bidirectional overrides, zero-width characters and controls are taken out of what is shown."""
    assert wording.calm("a\u202egpj.exe\u2069\u200b\x1b[31m\x9b") == "agpj.exe[31m"
    assert wording.calm("two\nlines\tkept") == "two\nlines\tkept"
    assert wording.calm(None) == ""


@pytest.mark.parametrize(
    ("domain", "shown"),
    [
        ("example.org", "example.org"),
        ("\u0430pple.example.com", "xn--pple-43d.example.com"),  # Cyrillic a
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("", ""),
        ("x" * 70 + "\u00fc.example", "x" * 70 + "\\xfc.example"),  # too long for a label
        ("a..\u00fc", "a..\\xfc"),
    ],
)
def test_domains_are_shown_in_ascii(domain: str, shown: str) -> None:
    """A look-alike letter of another script becomes visible, and no domain is an error."""
    assert wording.ascii_domain(domain) == shown


@pytest.mark.parametrize(
    ("url", "clickable"),
    [
        ("https://example.org/a?b=c", True),
        ("HTTP://example.org", True),
        ("javascript:alert(1)", False),
        ("https://example.org/\njavascript:", False),
        ("//example.org", False),
        ("data:text/html,x", False),
        ("", False),
        (None, False),
    ],
)
def test_only_web_addresses_become_links(url: str | None, clickable: bool) -> None:
    """Only http and https can be clicked."""
    assert bool(wording.web_address(url)) is clickable


def test_counts_and_names() -> None:
    """One of a thing is singular; unknown languages and statuses fall back."""
    assert wording.counted(1, "link") == "1 link"
    assert wording.counted(1200, "link") == "1,200 links"
    assert wording.counted(None, "link") == "0 links"
    assert wording.language_name("de") == "German"
    assert wording.language_name("xx") == "xx"
    assert wording.language_name("") == "n/a"
    assert "receiving server" in wording.status_meaning("verified")
    assert wording.status_meaning("sure") == ""
