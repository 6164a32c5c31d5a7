"""Commands that show: status and serve."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import config_option, load_settings, printable


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@config_option
@click.pass_context
def status_command(ctx: click.Context, as_json: bool) -> int:
    """How each inbox is doing. Exits with 1 when something needs you.

    \b
    watcher status
    watcher status --json | jq '.folders[] | select(.problem != "")'
    """
    from dataclasses import asdict  # noqa: PLC0415

    from watcher.archive import utc_now  # noqa: PLC0415
    from watcher.service.status import report  # noqa: PLC0415
    from watcher.store import Store  # noqa: PLC0415
    from watcher.vault import Vault  # noqa: PLC0415

    settings = load_settings(ctx)
    if not settings.store.vault.exists():
        click.echo(
            f"no vault at {settings.store.vault} yet: run `watcher poll` or `watcher run` first", err=True
        )
        return FAILED
    with ExitStack() as stack:
        vault = stack.enter_context(Vault.open(settings.store.vault, create=False))
        there = settings.store.newsletters.exists()
        store = stack.enter_context(Store.open(settings.store.newsletters, create=False)) if there else None
        found = report(settings, vault, store, utc_now())
    if as_json:
        click.echo(json.dumps({**asdict(found), "well": found.well}, indent=2))
    else:
        for folder in found.folders:
            state = f"PROBLEM: {printable(folder.problem)}" if folder.problem else "ok"
            last = folder.last_success or "never"
            click.echo(f"{folder.inbox}/{printable(folder.folder)}: {state} (last success: {last})")
        click.echo(
            f"{found.messages} mails in the vault, {found.pending} to derive, "
            f"{found.failed} failed, {found.skipped} skipped"
        )
        for waiting in found.confirmations:
            click.echo(
                f"waiting for you: {printable(waiting.sender)} asks to confirm a subscription "
                f"(no. {waiting.id}, {waiting.received_at}); its link is in the mailbox"
            )
    return SUCCESS if found.well else FAILED


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
    arguments = command(settings.store.newsletters, datasette_settings(settings.path.parent), host, port)
    sys.stdout.flush()
    os.execv(arguments[0], arguments)  # noqa: S606  # Datasette takes this process over
