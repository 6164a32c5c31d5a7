"""Metrics, heartbeat and backup: off unless written, and refused with what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.settings_files import only_problem, position, written
from watcher import settings

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_is_seen_from_outside_unless_written(tmp_path: Path) -> None:
    """No copy, no file, no port, no connection."""
    loaded = settings.load(written(tmp_path, "inboxes: []\n"))
    assert (loaded.backup, loaded.metrics_file, loaded.metrics_listen, loaded.heartbeat) == (None,) * 4


def test_what_is_written_arrives_typed(tmp_path: Path) -> None:
    """Paths are absolute and begin where those of the databases do."""
    (tmp_path / "config").mkdir()
    loaded = settings.load(
        written(
            tmp_path / "config",
            """\
            backup: {directory: copies}
            metrics_file: /run/watcher.prom
            metrics_listen: "[::1]:9464"
            heartbeat: {command: [ping-monitor, --now]}
            inboxes: []
            """,
        )
    )
    assert loaded.backup == settings.Backup(tmp_path / "copies", 7, media=True)
    assert str(loaded.metrics_file) == "/run/watcher.prom"
    assert loaded.metrics_listen == ("::1", 9464)
    assert loaded.heartbeat == settings.Heartbeat(command=("ping-monitor", "--now"))


@pytest.mark.parametrize(
    "url", ["https://monitor.example.org/ping/1", "http://127.0.0.1:8000/", "http://[::1]/"]
)
def test_a_heartbeat_goes_to_an_address_that_protects_it(tmp_path: Path, url: str) -> None:
    """Over TLS, or to this machine."""
    loaded = settings.load(written(tmp_path, f'heartbeat: {{url: "{url}"}}\ninboxes: []\n'))
    assert loaded.heartbeat == settings.Heartbeat(url=url)


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("metrics_listen: 0.0.0.0:9464", 17, "an address of this machine alone"),
        ("metrics_listen: watcher.example.org:9464", 17, "an address of this machine alone"),
        ("metrics_listen: localhost", 17, "an address and a port"),
        ("metrics_listen: 127.0.0.1:99999", 17, "an address and a port"),
        ("heartbeat: {url: http://monitor.example.org/}", 18, "must begin with `https://`"),
        ("heartbeat: {url: http://127.0.0.1.example.org/}", 18, "must begin with `https://`"),
        ("heartbeat: {url: http://127.0.0.1@example.org/}", 18, "must begin with `https://`"),
        ("heartbeat: {url: ftp://monitor.example.org/}", 18, "must be an address"),
        ("heartbeat: {command: ping}", 22, "must be a list"),
        ("heartbeat: {command: [a], url: https://a.example.org/}", 22, "exactly one of"),
        ("heartbeat: {}", 12, "exactly one of"),
        ("backup: {directory: copies, keep: 0}", 35, "between 1 and 1000"),
        ("backup: {directory: copies, keep: many}", 35, "between 1 and 1000"),
        ("backup: {keep: 3}", 9, "is missing"),
        ("backup: {directory: copies, media: some}", 36, "must be `true` or `false`"),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(tmp_path: Path, line: str, column: int, message: str) -> None:
    """A port that others reach, a sign of life in the clear, no copy at all."""
    problem = only_problem(written(tmp_path, f"{line}\ninboxes: []\n"))
    assert message in problem.message
    assert position(problem) == (1, column)


def test_the_address_of_a_monitor_is_not_shown(tmp_path: Path) -> None:
    """It may hold a token."""
    path = written(tmp_path, "heartbeat: {url: http://monitor.example.org/t0ken}\ninboxes: []\n")
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(path)
    assert "t0ken" not in str(caught.value)
