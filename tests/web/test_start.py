"""How Datasette is started: the argument vector, the settings file, and waiting for it."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.web import CONFIG
from watcher import web

if TYPE_CHECKING:
    from pathlib import Path


def test_the_settings_block_becomes_options(tmp_path: Path) -> None:
    """Datasette 0.65 takes settings from its command line only, with on and off spelled out."""
    store, config = tmp_path / "newsletters.db", tmp_path / "datasette.yaml"
    store.touch()
    config.write_text("settings:\n  suggest_facets: false\n  allow_download: off\n  default_page_size: 50\n")
    arguments = web.command(store, config, "127.0.0.1", 8001)
    assert arguments[:5] == [sys.executable, "-m", "datasette", "serve", str(store)]
    options = list(zip(arguments, arguments[1:], arguments[2:], strict=False))
    assert ("--setting", "suggest_facets", "off") in options
    assert ("--setting", "allow_download", "off") in options
    assert ("--setting", "default_page_size", "50") in options
    assert arguments[arguments.index("--metadata") + 1] == str(config)


def test_without_a_settings_file_datasette_has_its_defaults(tmp_path: Path) -> None:
    """A missing datasette.yaml is no reason not to read the archive."""
    store = tmp_path / "newsletters.db"
    store.touch()
    arguments = web.command(store, tmp_path / "none.yaml", "127.0.0.1", 8001)
    assert "--metadata" not in arguments
    assert "--setting" not in arguments


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [1\n", "no YAML"),
        ("settings: [1]\n", "`settings` must be a mapping"),
        (b"\xff\xfe\x00", "no YAML"),
    ],
)
def test_an_unreadable_settings_file_is_named(tmp_path: Path, content: str | bytes, said: str) -> None:
    """The message names the file and what is wrong with it."""
    store, config = tmp_path / "newsletters.db", tmp_path / "datasette.yaml"
    store.touch()
    config.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(web.WebError, match=said) as caught:
        web.command(store, config, "127.0.0.1", 8001)
    assert str(config) in str(caught.value)


def test_a_missing_store_is_said_with_the_remedy(tmp_path: Path) -> None:
    """Nothing has been polled yet: the message says which command makes an archive."""
    with pytest.raises(web.WebError, match="watcher poll"):
        web.command(tmp_path / "newsletters.db", CONFIG, "127.0.0.1", 8001)


def test_missing_datasette_is_said_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Datasette is an extra; the message says which one."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(web.WebError, match=r"newsletter-watcher\[web\]"):
        web.command(tmp_path / "newsletters.db", CONFIG, "127.0.0.1", 8001)


def test_settings_of_the_directory_win_over_those_of_the_package(tmp_path: Path) -> None:
    """A datasette.yaml beside inboxes.yaml is used; without one, the sample that came with the package is."""
    assert web.datasette_settings(tmp_path) == CONFIG
    own = tmp_path / "datasette.yaml"
    own.write_text("title: ours\n")
    assert web.datasette_settings(tmp_path) == own


def test_waiting_ends_when_nobody_answers() -> None:
    """A port where nothing listens is given up after the timeout."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert web.wait_until_ready("127.0.0.1", probe.getsockname()[1], 0.1) is False
