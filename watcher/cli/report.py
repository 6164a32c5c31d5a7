"""Commands that show: status and serve."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import config_option, load_settings, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rich.table import Table

    from watcher.service.status import FolderReport, Report
    from watcher.settings import Settings

_WIDE = 200  # columns where no terminal sets a limit


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@config_option
@click.pass_context
def status_command(ctx: click.Context, as_json: bool) -> int:
    """How each inbox is doing. Exits with 1 when something needs you.

    Senders gone quiet, confirmations that wait for you and mails that could not be derived are told, and are
    no failure.

    \b
    watcher status
    watcher status --json | jq '.folders[] | select(.problem != "")'
    """
    from dataclasses import asdict  # noqa: PLC0415

    from watcher.clock import utc_now  # noqa: PLC0415

    settings = load_settings(ctx)
    if not settings.store.vault.exists():
        click.echo(
            f"no vault at {settings.store.vault} yet: run `watcher poll` or `watcher run` first", err=True
        )
        return FAILED
    now = utc_now()
    found = _look(settings, now)
    if as_json:
        click.echo(json.dumps({**asdict(found), "well": found.well}, indent=2))
    else:
        _print(found, now)
    return SUCCESS if found.well else FAILED


def _look(settings: Settings, now: datetime) -> Report:
    """Read the databases without writing: a full disk is when somebody asks."""
    from watcher.service.presence import is_running, read_state  # noqa: PLC0415
    from watcher.service.status import report  # noqa: PLC0415
    from watcher.store import Store  # noqa: PLC0415
    from watcher.vault import Vault  # noqa: PLC0415

    with ExitStack() as stack:
        vault = stack.enter_context(Vault.look(settings.store.vault))
        there = settings.store.newsletters.exists()
        store = stack.enter_context(Store.look(settings.store.newsletters)) if there else None
        state, running = read_state(settings.store.vault), is_running(settings.store.vault)
        return report(settings, vault, store, now, state=state, running=running)


def _print(found: Report, now: datetime) -> None:
    from rich.console import Console  # noqa: PLC0415  # --json does without

    console = Console(
        file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False, markup=False
    )
    if found.folders:
        console.print(_table(found, now))
    for line in _lines(found, now):
        click.echo(line)


def _table(found: Report, now: datetime) -> Table:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Inbox", "Folder", "State", "Last success"):
        table.add_column(name)
    for name in ("To derive", "Owed", "Left out"):
        table.add_column(name, justify="right")
    for folder in found.folders:
        state = Text("PROBLEM", "bold red") if folder.problem else Text("ok", "green")
        numbers = (str(each) if each else "-" for each in (folder.pending, folder.owed, folder.skipped))
        table.add_row(
            Text(folder.inbox),
            Text(printable(folder.folder)),
            state,
            _ago(folder.last_success, now),
            *numbers,
        )
    return table


def _lines(found: Report, now: datetime) -> Iterator[str]:
    """What stands below the table: first what is wrong, then what there is, then what may concern you."""
    if found.waiting:
        yield f"PROBLEM: nothing can be stored: {printable(found.waiting)}"
    for folder in found.folders:
        if folder.problem:
            yield f"PROBLEM {folder.inbox}/{printable(folder.folder)}: {_in_words(folder)}"
    if found.backup is not None and found.backup.problem:
        yield f"PROBLEM: {printable(found.backup.problem)}"
    refused = f", {found.refused} refused" if found.refused else ""
    yield (
        f"{found.messages} mails in the vault, {found.pending} to derive, "
        f"{found.failed} failed, {found.skipped} skipped{refused}"
    )
    yield from _archive(found, now)
    for failure in found.failures:
        ids = ", ".join(map(str, failure.ids)) + (", …" if failure.count > len(failure.ids) else "")
        yield f"failed: {failure.count} mails (no. {ids}): {printable(failure.reason)}"
    for skip in found.skipped_mails:
        yield f"skipped: {skip.inbox}/{printable(skip.folder)}, UID {skip.uid}: {printable(skip.reason)}"
    for quiet in found.quiet_senders:
        yield (
            f"quiet: nothing from {printable(quiet.sender)} since {quiet.last_at[:10]}; "
            f"usually every {_days(quiet.usual_days)}"
        )
    for waiting in found.confirmations:
        yield (
            f"waiting for you: {printable(waiting.sender)} asks to confirm a subscription "
            f"(no. {waiting.id}, {waiting.received_at}); its link is in the mailbox"
        )


def _archive(found: Report, now: datetime) -> Iterator[str]:
    from watcher.service.backup import megabytes  # noqa: PLC0415

    sizes = (
        f"{each.name} {megabytes(each.bytes)}" + (f" + {megabytes(each.wal)} WAL" if each.wal else "")
        for each in found.databases
    )
    yield f"on the disk: {', '.join(sizes)}"
    if found.newest_mail:
        yield f"newest mail: {_ago(found.newest_mail, now)}"
    if found.backup is not None:
        last = _ago(found.backup.last_at, now)
        yield f"last backup: {last}; {found.backup.copies} copies in {found.backup.directory}"
    yield f"daemon: running since {found.started_at}" if found.running else "daemon: not running"


def _in_words(folder: FolderReport) -> str:
    words = [printable(folder.problem)]
    if folder.failures > 1:
        words.append(f"{folder.failures} failures in a row")
    if folder.next_try:
        words.append(f"left alone until {folder.next_try}")
    return "; ".join(words)


def _ago(moment: str, now: datetime) -> str:
    """Return how long ago a moment (ISO 8601) was, in the largest unit that fits: `4 min ago`."""
    from datetime import datetime  # noqa: PLC0415

    if not moment:
        return "never"
    seconds = max(0, int((now - datetime.fromisoformat(moment)).total_seconds()))
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def _days(days: float) -> str:
    return "day" if days == 1 else f"{days:g} days"


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8001, show_default=True, help="Port to listen on.")
@config_option
@click.pass_context
def serve_command(ctx: click.Context, host: str, port: int) -> None:
    """Explore the newsletters with Datasette, the record pages and the search. Needs the extra `web`.

    \b
    watcher serve
    watcher serve --port 8080
    """
    from watcher.web import command, datasette_settings  # noqa: PLC0415

    settings = load_settings(ctx)
    store = settings.store
    arguments = command(store.newsletters, datasette_settings(settings.path.parent), host, port, store.media)
    sys.stdout.flush()
    os.execv(arguments[0], arguments)  # noqa: S606  # Datasette takes this process over
