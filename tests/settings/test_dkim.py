"""Whether keys of signatures are kept, and which resolver is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.settings_files import inbox_text, only_problem, written
from watcher import settings

if TYPE_CHECKING:
    from pathlib import Path


def loaded(tmp_path: Path, top: str = "", inbox: str = "") -> settings.Settings:
    return settings.load(written(tmp_path, f"{top}\n{inbox_text(inbox)}"))


@pytest.mark.parametrize(
    ("top", "inbox", "expected"),
    [
        ("", "", False),
        ("preserve_dkim: true", "", True),
        ("preserve_dkim: true", "preserve_dkim: false\n", False),
        ("", "preserve_dkim: true\n", True),
    ],
)
def test_keys_are_kept_only_where_it_is_written(tmp_path: Path, top: str, inbox: str, expected: bool) -> None:
    """Off unless the file turns it on; an inbox may differ."""
    assert loaded(tmp_path, top, inbox).inboxes[0].preserve_dkim is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ('"::1"', ("::1", 53)),
        ('"[::1]"', ("::1", 53)),
        ('"[::1]:5353"', ("::1", 5353)),
    ],
)
def test_a_resolver_is_an_address_and_a_port(tmp_path: Path, text: str, expected: tuple[str, int]) -> None:
    """IPv4 or IPv6; 53 unless written; the system's resolver when nothing is."""
    assert loaded(tmp_path, f"dns_server: {text}").dns_server == expected
    assert loaded(tmp_path).dns_server is None


@pytest.mark.parametrize("text", ["dns.example.org", "127.0.0.1:0", '"[::1]:x"', "127.0.0.1:1:2", '"[]"'])
def test_anything_else_is_refused(tmp_path: Path, text: str) -> None:
    """A name would have to be looked up before anybody could look it up."""
    problem = only_problem(written(tmp_path, f"dns_server: {text}\n{inbox_text()}"))
    assert "dns_server: must be the IP address of a resolver" in str(problem)
