"""Settings that another process reads: the same values, the same problems, and none of the libraries here."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from watcher import settings as room
from watcher.settings import SettingsError, apart
from watcher.settings.apart import Reading

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.home import Home

FULL = """
links: remove
backup: {directory: copies, keep: 3}
metrics_listen: 127.0.0.1:9100
workers: {deadline: 5s, memory: 300MB}
limits: {links: 300}
inboxes:
  - name: politics
    host: imap.example.org
    username: reader@example.org
    password: {command: [pass, show, imap]}
    since: 2026-03-01
    every: 90s
    after: move
    move_to: Archive
  - name: other
    host: imap.example.com
    username: reader@example.com
    oauth: {provider: microsoft, client_id: made-up}
"""
SENDERS = "senders:\n  - name: Example News\n    match: {domains: [example.org]}\n"


def test_they_are_the_values_that_reading_here_gives(home: Home) -> None:
    """Every kind of value comes through: durations, days, enums, paths, references to secrets, senders."""
    home.configure(FULL, SENDERS)
    settings, senders = Reading(home.config).result()
    assert settings == room.load(home.config)
    assert len(settings.inboxes) == 2
    assert senders == room.load_senders(settings.senders)
    assert [each.name for each in senders] == ["Example News"]


@pytest.mark.parametrize(
    ("text", "senders"),
    [
        ("inboxes: 7", "senders: []\n"),
        ("inboxes: []", "senders: [{nam: Example}]\n"),
        ("inboxes: [", ""),
    ],
    ids=["inboxes", "senders", "no YAML"],
)
def test_a_mistake_is_told_as_it_is_here(home: Home, text: str, senders: str) -> None:
    """File, line, column and excerpt are the same."""
    home.configure(text, senders)
    with pytest.raises(SettingsError) as here:
        room.load_senders(room.load(home.config).senders)
    with pytest.raises(SettingsError) as told:
        Reading(home.config).result()
    assert str(told.value) == str(here.value)
    assert told.value.problems == here.value.problems


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """It is a problem like any other."""
    with pytest.raises(SettingsError, match=r"inboxes\.yaml"):
        Reading(tmp_path / "inboxes.yaml").result()


@pytest.mark.parametrize("program", ["/nonexistent/python", "/bin/false"])
def test_without_a_process_they_are_read_here(
    home: Home, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """No interpreter, no memory for another process: the daemon starts all the same."""
    home.configure(FULL, SENDERS)
    monkeypatch.setattr(apart.sys, "executable", program)
    settings, _ = Reading(home.config).result()
    assert [inbox.name for inbox in settings.inboxes] == ["politics", "other"]


def test_the_libraries_stay_out_of_this_process(home: Home) -> None:
    """Neither pydantic nor ruamel.yaml is imported by a process that has its settings read."""
    home.configure(FULL, SENDERS)
    program = (
        "import sys, pathlib\n"
        "from watcher.settings.apart import Reading\n"
        "Reading(pathlib.Path(sys.argv[1])).result()\n"
        "print(sorted({'pydantic', 'ruamel'} & {name.partition('.')[0] for name in sys.modules}))\n"
    )
    command = [sys.executable, "-c", program, str(home.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
