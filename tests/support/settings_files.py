"""Settings files for tests: written, loaded, and their problems taken apart."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import TYPE_CHECKING

import pytest

from watcher import settings

if TYPE_CHECKING:
    from pathlib import Path

    from watcher.settings import Inbox, Problem

INBOX = """\
name: politics
host: imap.example.org
username: archive@example.org
password: {credential: politics-imap}
"""


def written(folder: Path, text: str | bytes, name: str = "inboxes.yaml") -> Path:
    """Write a settings file in `folder`."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
    return path


def one_inbox(folder: Path, more: str = "", base: str = INBOX) -> Inbox:
    """Load the only inbox of a file that has `base` and the further lines of `more`."""
    (inbox,) = settings.load(written(folder, inbox_text(more, base))).inboxes
    return inbox


def inbox_text(more: str = "", base: str = INBOX) -> str:
    """Make an inboxes.yaml with one inbox; its first key is in line 2, column 5."""
    lines = base + dedent(more)
    return "inboxes:\n  - " + indent(lines, "    ").lstrip()


def problems_of(path: Path) -> tuple[Problem, ...]:
    """Collect the problems of a file that must have some."""
    load = settings.load_senders if path.name.startswith("senders") else settings.load
    with pytest.raises(settings.SettingsError) as caught:
        load(path)
    return caught.value.problems


def only_problem(path: Path) -> Problem:
    """Return the one problem of a file that must have exactly one."""
    (problem,) = problems_of(path)
    return problem


def position(problem: Problem) -> tuple[int, int]:
    """Line and column."""
    assert problem.place is not None
    return problem.place.line, problem.place.column
