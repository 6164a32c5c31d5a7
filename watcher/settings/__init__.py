"""Settings: inboxes.yaml and senders.yaml -> typed values, with errors that name file, line and column.

`find_config` says which file, `load` and `load_senders` read it, `SecretRef.read` fetches a password when it
is used, `json_schema` describes the files to editors, `sample_files` are what a user starts from. A report
has all problems of a file, and no secret.

YAML and pydantic are imported when a file is read, not before: workers and commands that only handle settings
that were read elsewhere start without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watcher.settings.places import config_exists, find_config, sample_files
from watcher.settings.problems import Place, Problem, SettingsError
from watcher.settings.secrets import SecretError, SecretKind, SecretRef
from watcher.settings.values import (
    After,
    Attachments,
    Backup,
    DnsServer,
    Heartbeat,
    Images,
    Inbox,
    Links,
    Match,
    OAuth,
    OAuthProvider,
    Security,
    SenderSettings,
    Settings,
    Store,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "After",
    "Attachments",
    "Backup",
    "DnsServer",
    "Heartbeat",
    "Images",
    "Inbox",
    "Links",
    "Match",
    "OAuth",
    "OAuthProvider",
    "Place",
    "Problem",
    "SecretError",
    "SecretKind",
    "SecretRef",
    "Security",
    "SenderSettings",
    "Settings",
    "SettingsError",
    "Store",
    "config_exists",
    "find_config",
    "json_schema",
    "load",
    "load_senders",
    "sample_files",
]


def load(path: Path) -> Settings:
    """Read the settings in an inboxes.yaml. Raises `SettingsError` with every problem that the file has."""
    from watcher.settings.loading import load_inboxes_file  # noqa: PLC0415

    return load_inboxes_file(path)


def load_senders(path: Path | None) -> tuple[SenderSettings, ...]:
    """Read the senders in a senders.yaml; there are none when `path` is None, as `Settings.senders` may be.

    Raises `SettingsError` with every problem that the file has.
    """
    if path is None:
        return ()
    from watcher.settings.loading import load_senders_file  # noqa: PLC0415

    return load_senders_file(path)


def json_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of `inboxes` or `senders`. Raises `KeyError` for any other name."""
    from watcher.settings.schema import json_schema as made  # noqa: PLC0415

    return made(name)
