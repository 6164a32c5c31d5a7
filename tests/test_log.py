"""The log as an interface: what journald, a person and a program get."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import structlog

from watcher import log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "Dear \x1b[31mreader\u202e@example.org\n<0>forged"


@pytest.fixture(autouse=True)
def _structlog_as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_under_journald_the_priority_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`<4>` for a warning, then JSON; the variable must name this very stream."""
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        log.configure(stream=stream)
        for level in ("info", "warning", "error", "critical"):
            getattr(log.get_logger(), level)("something", inbox="politics")
        stream.seek(0)
        lines = stream.read().splitlines()
    assert [line[:3] for line in lines] == ["<6>", "<4>", "<3>", "<2>"]
    assert json.loads(lines[1][3:])["inbox"] == "politics"


def test_a_stream_that_is_not_the_journal_gets_no_priority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`watcher status 2>file` in a service's shell inherits the variable, and is not the journal."""
    with (tmp_path / "file").open("w+") as stream:
        monkeypatch.setenv("JOURNAL_STREAM", f"{os.fstat(stream.fileno()).st_dev}:1")
        log.configure(stream=stream)
        log.get_logger().info("something")
        stream.seek(0)
        assert json.loads(stream.read())["event"] == "something"


def test_a_terminal_gets_colours_unless_they_are_unwanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR (no-color.org) turns them off."""
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    bright, plain = Terminal(), Terminal()
    log.configure(stream=bright)
    log.get_logger().info("something", inbox="politics")
    monkeypatch.setenv("NO_COLOR", "1")
    log.configure(stream=plain)
    log.get_logger().info("something", inbox="politics")
    assert "\x1b[" in bright.getvalue()
    assert "\x1b" not in plain.getvalue()
    assert "something" in plain.getvalue()
    assert "inbox=politics" in plain.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO, Terminal], ids=["file", "terminal"])
def test_an_exception_is_its_class_and_its_way_and_not_its_text(
    stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parsers quote the mail in what they raise: no word of it, and no forged line, reaches the log."""
    monkeypatch.setenv("NO_COLOR", "1")
    target = stream()
    log.configure(stream=target)
    try:
        int(SECRET)
    except ValueError:
        log.get_logger().exception("poll_defect", inbox="politics")
    written = target.getvalue()
    assert written.count("\n") == 1
    assert "ValueError" in written
    assert "test_log.py:" in written
    assert "reader" not in written
    assert "forged" not in written


@pytest.mark.parametrize("stream", [io.StringIO, Terminal], ids=["file", "terminal"])
def test_a_value_cannot_forge_a_line(stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    """Line ends, escapes and direction marks in a value are written as escapes."""
    monkeypatch.setenv("NO_COLOR", "1")
    target = stream()
    log.configure(stream=target)
    log.get_logger().warning("inbox_failed", error=SECRET)
    written = target.getvalue()
    assert written.count("\n") == 1
    assert not [char for char in ("\x1b", "\u202e", "\r") if char in written]


def test_debug_is_for_those_who_ask() -> None:
    """`--verbose`."""
    quiet, verbose = io.StringIO(), io.StringIO()
    log.configure(stream=quiet)
    log.get_logger().debug("detail")
    log.configure(stream=verbose, verbose=True)
    log.get_logger().debug("detail")
    assert (quiet.getvalue(), "detail" in verbose.getvalue()) == ("", True)


def test_rich_is_left_to_those_who_print() -> None:
    """The log alone does not load rich, and whoever needs it later gets it."""
    program = (
        "import sys\nfrom watcher import log\nlog.configure()\nlog.get_logger().info('a')\n"
        "print('rich' in sys.modules)\nimport rich.console\nprint('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
