"""What one mail may cost: read with units, and refused where no worker could work."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.settings_files import only_problem, written
from watcher import settings
from watcher.settings.values import Workers

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Workers(timedelta(seconds=10), 512_000_000)),
        ("workers: {deadline: 1m30s}\n", Workers(timedelta(seconds=90), 512_000_000)),
        ("workers: {deadline: 1s, memory: 2GB}\n", Workers(timedelta(seconds=1), 2_000_000_000)),
    ],
)
def test_limits_of_workers_are_read_with_their_units(tmp_path: Path, text: str, expected: Workers) -> None:
    """What is not written is as the documentation says."""
    assert settings.load(written(tmp_path, text + "inboxes: []\n")).workers == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("deadline: 0s", "between `1s` and `1h`"),
        ("deadline: 2h", "between `1s` and `1h`"),
        ("deadline: 10", "a number needs its unit"),
        ("memory: 64MB", "between `128MB` and `64GB`"),
        ("memory: 1000", "must be a size"),
        ("count: 4", "unknown key `count`"),
    ],
)
def test_limits_that_no_worker_could_keep_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """The message says what is allowed."""
    assert message in only_problem(written(tmp_path, f"workers: {{{text}}}\ninboxes: []\n")).message
