"""The web pages: a Datasette plugin that shows newsletters.db as an archive, and how to start it.

`watcher.web.plugin` is loaded by Datasette itself through the entry point, so `datasette newsletters.db` is
enough to read an archive. `watcher serve` starts the same thing as a process of its own: importing Datasette
costs more than everything else together, and a web server has no business inside the daemon.
"""

from __future__ import annotations

import http.client
import importlib.resources
import importlib.util
import sys
import time
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from watcher.web.reading import UnreadableError, needs_immutable

_PAUSE: Final = 0.05  # seconds between two knocks while Datasette starts; it needs about one second
_SETTINGS_FILE: Final = "datasette.yaml"
# What listens everywhere is asked on loopback.
_REACHED_AT: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  (never bound here)


class WebError(Exception):
    """Datasette cannot be started as asked; the message says what to do."""


def command(store: Path, config: Path, host: str, port: int, media: Path | None = None) -> list[str]:
    """Return the argument vector that serves `store` with Datasette and the plugin.

    `media` holds the screenshots; it is served as well where there is such a file.
    `config` is a datasette.yaml: Datasette 0.65 reads it as its metadata, and its `settings` block, which
    that version takes from the command line only, is turned into options here. A missing `config` means
    Datasette's own defaults. Raises `WebError` when Datasette is not installed, when there is no store, when
    this user cannot read it, or when `config` cannot be read.
    """
    if importlib.util.find_spec("datasette") is None:
        raise WebError("Datasette is not installed; run: pip install 'newsletter-watcher[web]'")
    try:
        opening = ["--immutable"] if needs_immutable(store) else []
    except UnreadableError as problem:
        raise WebError(str(problem)) from problem
    arguments = [sys.executable, "-m", "datasette", "serve", *opening, str(store)]
    arguments += ["--host", host, "--port", str(port)]
    if media is not None and media.is_file():
        arguments.append(str(media))
    if config.is_file():
        arguments += ["--metadata", str(config)]
        for name, value in _settings(config).items():
            arguments += ["--setting", name, value]
    return arguments


def public_command(store: str, config: Path) -> list[str]:
    """Return the command that serves a published copy: `store` and `config` are in one folder.

    Raises `WebError` when `config` cannot be read.
    """
    options = [word for pair in _settings(config).items() for word in ("--setting", *pair)]
    return ["datasette", "serve", "--immutable", store, "--metadata", config.name, *options]


def datasette_settings(directory: Path) -> Path:
    """Return the datasette.yaml of `directory`, or the one that came with the package where it has none."""
    own = directory / _SETTINGS_FILE
    if own.is_file():
        return own
    package = Path(str(importlib.resources.files("watcher")))
    installed = package / "_files" / "config" / _SETTINGS_FILE
    return installed if installed.is_file() else package.parent / "config" / _SETTINGS_FILE


def wait_until_ready(host: str, port: int, timeout: float = 30.0) -> bool:
    """Wait until Datasette answers at `host`:`port`; False when it has not after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not _answers(_REACHED_AT.get(host, host), port, max(0.1, deadline - time.monotonic())):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE)
    return True


def _settings(config: Path) -> dict[str, str]:
    try:
        document = YAML(typ="safe").load(config)
    except (OSError, UnicodeDecodeError, YAMLError) as problem:
        raise WebError(f"{config}: this is no YAML that can be read: {problem}") from problem
    settings = document.get("settings") if isinstance(document, dict) else None
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise WebError(f"{config}: `settings` must be a mapping of Datasette's setting names to values")
    return {str(name): _setting(value) for name, value in settings.items()}


def _setting(value: object) -> str:
    """Spell a YAML value as Datasette's command line wants it (YAML turns `off` into a boolean)."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _answers(host: str, port: int, patience: float) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=patience)
    try:
        connection.request("GET", "/-/versions.json")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
