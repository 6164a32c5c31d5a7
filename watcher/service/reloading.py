"""Reading the settings again while the daemon runs: all of them, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.settings import SettingsError
from watcher.settings.apart import Reading

if TYPE_CHECKING:
    from watcher.settings import SenderSettings, Settings


class ReloadRefused(Exception):  # noqa: N818  # the name says what happened
    """The new settings cannot be used; the message says where they are wrong. The old ones stay."""


def read_again(current: Settings) -> tuple[Settings, tuple[SenderSettings, ...]]:
    """Return what the settings' files say now. Raises `ReloadRefused`."""
    try:
        settings, senders = Reading(current.path).result()
    except SettingsError as error:
        raise ReloadRefused(str(error)) from None
    if settings.store != current.store:
        what = "`store:` has changed, and databases are not changed while the daemon runs"
        raise ReloadRefused(f"{current.path}: {what}; restart it")
    if not settings.inboxes:
        raise ReloadRefused(f"{current.path}: there are no inboxes to watch; add one below `inboxes:`")
    return settings, senders
