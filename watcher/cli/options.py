"""What several commands share: the settings file, the log, and text that a terminal can be trusted with."""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watcher.settings import Settings

_F = TypeVar("_F", bound="Callable[..., Any]")


def config_option(command: _F) -> _F:
    """`--config FILE` after the command's own words; the same before them is the group's."""
    return click.option(
        "--config", metavar="FILE", help="Settings file.", expose_value=False, callback=_take_config
    )(command)


def _take_config(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(dict)["config"] = value


def load_settings(ctx: click.Context) -> Settings:
    """The settings that the command line, the environment or the default places name.

    Raises `SettingsError` when there are none or when they are wrong.
    """
    from watcher import settings  # noqa: PLC0415

    return settings.load(found_config(ctx))


def found_config(ctx: click.Context) -> Path:
    """The settings file that is named; the log is set up. Raises `SettingsError` when there is none."""
    from watcher import log, settings  # noqa: PLC0415

    log.configure(verbose=bool(ctx.obj.get("verbose")))
    return settings.find_config(ctx.obj.get("config"), os.environ)


def printable(text: str) -> str:
    """Mail text for a terminal: one line, without control characters, escapes and direction marks."""
    return "".join(" " if char in "\r\n\t" else char for char in text if _harmless(char))


def _harmless(char: str) -> bool:
    return char in "\r\n\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def on_terminal() -> bool:
    """Whether a person watches: progress bars and colours are for them alone."""
    return sys.stderr.isatty()
