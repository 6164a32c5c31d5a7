"""How much of a mail is looked at: what may be written, and that it arrives where mail is read."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from tests.support.settings_files import only_problem, written
from watcher import settings
from watcher.cleaning import HtmlLimits
from watcher.derivation.contexts import html_limits_of, limits_of
from watcher.message import Limits
from watcher.settings.values import Limits as Reading

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_not_written_is_the_limit_of_the_rooms(tmp_path: Path) -> None:
    """The documented numbers are those that hold without any settings."""
    reading = settings.load(written(tmp_path, "inboxes: []\n")).limits
    assert reading == Reading()
    assert limits_of(reading) == Limits()
    assert html_limits_of(reading) == HtmlLimits()


def test_each_limit_can_be_set_and_arrives(tmp_path: Path) -> None:
    """Twice of everything: no limit is without a setting, and none is taken for another."""
    doubled = {each.name: getattr(Reading(), each.name) * 2 for each in fields(Reading)}
    lines = [f"{name}: {number}{'B' if 'size' in name else ''}" for name, number in doubled.items()]
    reading = settings.load(written(tmp_path, f"limits: {{{', '.join(lines)}}}\ninboxes: []\n")).limits
    limits, html_limits = limits_of(reading), html_limits_of(reading)
    assert all(getattr(limits, each.name) == 2 * getattr(Limits(), each.name) for each in fields(Limits))
    assert all(
        getattr(html_limits, each.name) == 2 * getattr(HtmlLimits(), each.name) for each in fields(HtmlLimits)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parts: 5", "between 50 and 50000"),
        ("parts: many", "between 50 and 50000"),
        ("tags: 99999999", "between 10000 and 10000000"),
        ("header_size: 1000", "must be a size"),
        ("header_size: 1kB", "between `27kB` and `26214kB`"),
        ("part: 600", "unknown key `part`"),
    ],
)
def test_a_limit_that_ordinary_mail_meets_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The message says what is allowed."""
    assert message in only_problem(written(tmp_path, f"limits: {{{text}}}\ninboxes: []\n")).message
