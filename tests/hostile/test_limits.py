"""Each limit of the settings: over it, the record says what was cut, and the vault has all of the mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hostile.attacks.attack import html, plain
from tests.hostile.attacks.mime import nested, parts
from watcher.vault import Vault

if TYPE_CHECKING:
    from tests.support.home import Home

_LIMITS = """
max_message: 50MB
limits:
  header_size: 30kB
  field_size: 7kB
  headers: 100
  encoded_words: 50
  addresses: 100
  parameters: 10
  parts: 50
  part_headers_size: 105kB
  depth: 5
  text_size: 1MB
  html_size: 500kB
  tags: 10000
  tag_depth: 100
  formatting_depth: 20
  attributes: 25
  roots: 20
  options: 100
  links: 200
inboxes: []
"""

_CASES = {
    "header_size": (plain(*[b"X-%d: " % n + b"a" * 6_000 for n in range(9)]), "more fields or bytes"),
    "field_size": (plain(b"X: " + b"a" * 8_000), "a field is longer"),
    "headers": (plain(*[b"X: a"] * 150), "more fields or bytes"),
    "encoded_words": (plain(b"Subject: " + b"=?utf-8?q?a?= " * 60), "more encoded words"),
    "addresses": (plain(b"To: " + b"a@example.org, " * 150), "more addresses"),
    "parameters": (plain(b"Content-Type: text/plain" + b"; a=b" * 12), "more parameters"),
    "parts": (parts(60), "more parts"),
    "part_headers_size": (parts(30, b"X: " + b"a" * 6_000 + b"\r\n\r\nx\r\n"), "larger headers of parts"),
    "depth": (nested(8), "nested deeper"),
    "text_size": (plain(body=b"some words " * 100_000), "longer than the limit"),
    "html_size": (html("some words " * 50_000), "more than 500,000 characters"),
    "tags": (html("<br>words" * 11_000), "more than 10,000 tags"),
    "tag_depth": (html("<div>" * 150 + "words"), "more than 100 tags are open"),
    "formatting_depth": (html("<b>" * 30 + "words"), "more than 20 formatting tags"),
    "attributes": (
        html("<p " + " ".join(f"a{n}=1" for n in range(30)) + ">words"),
        "more than 25 attributes",
    ),
    "roots": (html("<body>" * 30 + "words"), "root is repeated"),
    "options": (html("<select>" + "<option>x" * 150 + "</select>words"), "more than 100 options"),
    "links": (
        html("".join(f'<a href="https://example.com/{n}">link {n}</a> ' for n in range(250))),
        "only the first 200 of 250",
    ),
}


@pytest.mark.parametrize("key", _CASES)
def test_over_a_limit_the_record_says_what_was_cut(home: Home, key: str) -> None:
    """Below the usual limit and over the one that is written: it is this setting that cut."""
    raw, sentence = _CASES[key]
    path = home.root / "mail.eml"
    path.write_bytes(raw)
    explained = home.run("explain", str(path))
    assert explained.code == 0
    assert sentence not in explained.out
    home.configure(_LIMITS)
    assert home.run("import", str(path)).code == 0
    (row,) = home.rows("select id, status, warnings from newsletters")
    assert row["status"] == "done"
    assert sentence in row["warnings"]
    with Vault.look(home.vault) as vault:
        assert vault.raw(row["id"]) == raw


def test_every_limit_has_its_case() -> None:
    """A new key below `limits:` needs a mail that meets it."""
    import dataclasses

    from watcher.settings.values import Limits

    assert _CASES.keys() == {each.name for each in dataclasses.fields(Limits)}
