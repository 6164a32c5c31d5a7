"""Authentication-Results fields, as RFC 8601 allows and as receivers write them."""

from __future__ import annotations

import pytest

from watcher.provider.authentication import Authenticated, Result, parse

# value | authserv-id | results
FIELDS = {
    "plain": (
        "mx.example.org; spf=pass smtp.mailfrom=a@example.com",
        ("mx.example.org", [Result("spf", "pass", {"smtp.mailfrom": "a@example.com"})]),
    ),
    "version, comments, upper case": (
        "(x) MX.Example.org (y) 1 (z); DKIM/1=PASS (2048-bit key; unprotected) HEADER.D=Example.com",
        ("mx.example.org", [Result("dkim", "pass", {"header.d": "Example.com"})]),
    ),
    "nested comments": (
        "mx; dkim=pass (a (b; c) d) header.d=example.com",
        ("mx", [Result("dkim", "pass", {"header.d": "example.com"})]),
    ),
    "escaped bracket": (
        "mx; dkim=fail (a \\) header.d=a.com; b) header.d=b.com",
        ("mx", [Result("dkim", "fail", {"header.d": "b.com"})]),
    ),
    "quoted semicolon": (
        'mx; dkim=fail reason="a; dkim=pass header.d=x.com" header.d=example.com',
        ("mx", [Result("dkim", "fail", {"header.d": "example.com"})]),
    ),
    "comment that never ends": (
        "mx; spf=pass (x; dkim=pass header.d=x.com",
        ("mx", [Result("spf", "pass", {})]),
    ),
    "no id": (
        "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.com;dkim=none header.d=none;dmarc=none",
        (
            "",
            [
                Result("spf", "pass", {"smtp.mailfrom": "example.com"}),
                Result("dkim", "none", {"header.d": "none"}),
                Result("dmarc", "none", {}),
            ],
        ),
    ),
    "no results": ("mx.example.org; none", ("mx.example.org", [])),
    "nothing": ("", ("", [])),
    "only brackets": ("((((", ("", [])),
    "the first of a repeated property": (
        "mx; dkim=pass header.d=a.com header.d=b.com",
        ("mx", [Result("dkim", "pass", {"header.d": "a.com"})]),
    ),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_read(name: str) -> None:
    """Comments go before the value is split; a field may have no id and a method no property."""
    value, (authserv_id, results) = FIELDS[name]
    found = parse(value)
    assert found.authserv_id == authserv_id
    assert list(found.results) == results


def test_a_reason_between_method_and_property_is_skipped() -> None:
    """What a reason quotes is text."""
    (result,) = parse('mx; dkim=pass reason="header.d=evil.invalid" header.d=example.com').results
    assert result.properties["header.d"] == "example.com"


def test_passes_are_summed_up_over_fields() -> None:
    """Milters write one field each; `header.i` stands in for `header.d`."""
    found = Authenticated.by(
        [
            parse("mx; spf=pass smtp.mailfrom=<x@Bounce.Example.com>; spf=fail smtp.mailfrom=b.invalid"),
            parse("mx; dkim=pass header.i=@example.com header.s=K1; dkim=fail header.d=c.invalid"),
        ]
    )
    assert found.envelope_domains == ("bounce.example.com",)
    assert found.signatures == (("example.com", "k1"),)


REFUSALS = [
    ("spf=fail; dkim=none", True, True),
    ("spf=softfail; dkim=fail", True, True),
    ("spf=none; dkim=none; dmarc=none", True, True),
    ("spf=fail", False, True),
    ("spf=fail", True, False),
    ("spf=pass; dkim=fail", True, False),
    ("spf=fail; dkim=pass header.d=a.com", True, False),
    ("spf=fail; dkim=fail; dmarc=pass", True, False),
    ("spf=temperror; dkim=none", False, False),
    ("dkim=fail", True, False),
    ("dmarc=fail", True, False),
    ("none", True, False),
]


@pytest.mark.parametrize(("results", "signed", "refused"), REFUSALS)
def test_neither_passes_needs_a_statement_about_both(results: str, signed: bool, refused: bool) -> None:
    """Silence is no failure, and neither is a DNS error."""
    assert Authenticated.by([parse(f"mx; {results}")]).refuses(signed=signed) is refused
