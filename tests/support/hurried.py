"""The watcher's command line with shorter waits: what takes hours between two faults takes seconds.

    WATCHER_HURRY=20 python -m tests.support.hurried --config FILE run

The number divides every wait for a server: silence, a whole command, IDLE's renewal, back-off, the rest
before a mail is asked for again. `WATCHER_NIGHT=60` makes a night of each minute, for housekeeping and
copies; `WATCHER_CACHE=256` gives each database so many KiB of cache, which else fills up for weeks and looks
like a leak. Nothing else differs from the real program.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watcher.mailbox import Account
    from watcher.settings import Inbox

_LEAST = 2.0  # seconds for a connection, a read, a command: the machine may be busy


def hurry(factor: float) -> None:
    """Divide the waits by `factor`, in this process."""
    from watcher.service import backoff, daemon, outside, polling, watch, watches
    from watcher.service import inbox as inbox_module

    account_of = inbox_module.account_of

    def hurried(inbox: Inbox, environ: Mapping[str, str]) -> Account:
        account = account_of(inbox, environ)
        return replace(
            account,
            connect_timeout=max(_LEAST, account.connect_timeout / factor),
            read_timeout=max(_LEAST, account.read_timeout / factor),
            command_timeout=max(_LEAST, account.command_timeout / factor),
        )

    daemon.account_of = hurried  # type: ignore[attr-defined]  # the name by which the daemon calls it
    defaults = daemon.Daemon.__init__.__kwdefaults__
    assert defaults is not None
    defaults["renewal"] /= factor
    daemon._BEAT /= factor
    for name in ("_LOGIN", "_PERMANENT", "_REFUSED", "_CONNECTION"):
        setattr(backoff, name, tuple(step / factor for step in getattr(backoff, name)))
    watch.STEADY /= factor
    watch._REFUSED /= factor
    watch._CROWDED /= factor
    watches._DISK /= factor
    polling._REST /= factor
    outside._LOOKED_EVERY /= factor


def shorten_nights(seconds: float) -> None:
    """Have a night end every so many seconds."""
    from watcher.service import housekeeping

    def night_before(now: datetime) -> datetime:
        epoch = datetime.fromtimestamp(0, UTC)
        return now - (now - epoch) % timedelta(seconds=seconds)

    housekeeping.night_before = night_before


def limit_caches(kib: int) -> None:
    """Give each connection to a database a cache of this size."""
    from watcher import sqlite

    sqlite._CACHE_KIB = kib


def main() -> None:
    """Run the command."""
    from watcher.cli import main as watcher

    if factor := os.environ.get("WATCHER_HURRY"):
        hurry(float(factor))
    if night := os.environ.get("WATCHER_NIGHT"):
        shorten_nights(float(night))
    if cache := os.environ.get("WATCHER_CACHE"):
        limit_caches(int(cache))
    watcher()


if __name__ == "__main__":
    main()
