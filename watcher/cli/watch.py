"""Commands that talk to the mailboxes: check, poll, run."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import click

from watcher.cli.failure import BAD_CONFIGURATION, FAILED, SUCCESS, TRY_LATER
from watcher.cli.options import config_option, found_config, load_settings, printable
from watcher.cli.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from watcher.service.inbox import Pass
    from watcher.settings import Inbox, SenderSettings, Settings

_AT_ONCE = 8  # inboxes polled at once by `poll`; they wait for servers most of the time


@click.command("check")
@click.option("--settings-only", is_flag=True, help="Look at the settings alone and touch nothing else.")
@click.option("--offline", is_flag=True, help="Do not connect to the mail servers.")
@click.option(
    "--reader", metavar="ACCOUNT", help="Who reads the store beside its owner, to be tried by root."
)
@config_option
@click.pass_context
def check_command(ctx: click.Context, settings_only: bool, offline: bool, reader: str | None) -> int:
    """Validate the settings, try each login and folder, and test the databases and their permissions.

    Root tries everything as the account that the databases belong to, and reads the store as the account of
    the web pages: while the daemon runs, while it rests, and whether the daemon can go on afterwards.

    \b
    watcher check
    sudo watcher check --offline --config /etc/watcher/inboxes.yaml
    """
    from watcher.cli.senders import conflicts  # noqa: PLC0415
    from watcher.settings import SecretError  # noqa: PLC0415

    settings = load_settings(ctx)
    senders = _senders(settings)
    click.echo(f"settings: {settings.path} is valid, {len(settings.inboxes)} inboxes, {len(senders)} senders")
    if settings_only:
        return SUCCESS
    conflicting = conflicts(settings)
    for conflict in conflicting:
        click.echo(f"FAILED: {conflict}")
    code = _check_databases(settings, reader) or (FAILED if conflicting else SUCCESS)
    code = _check_dkim(settings) or code
    if offline:
        return _check_tokens(settings) or code
    for inbox in settings.inboxes:
        try:
            problem = _check_inbox(inbox)
        except SecretError as error:
            problem = str(error)
        if problem:
            code = FAILED
            click.echo(f"FAILED: {printable(problem)}")
    return code


def _senders(settings: Settings) -> tuple[SenderSettings, ...]:
    from watcher import settings as room  # noqa: PLC0415

    return room.load_senders(settings.senders)


def _check_databases(settings: Settings, reader: str | None) -> int:
    from watcher.cli import permissions  # noqa: PLC0415

    try:
        account = permissions.reader_of(settings.store.newsletters, reader)
    except LookupError as error:
        raise click.BadParameter(str(error), param_hint="--reader") from error
    code = SUCCESS
    for found in permissions.look(settings, account):
        click.echo(f"{found.subject}: {'' if found.well else 'FAILED: '}{found.text}")
        code = code if found.well else FAILED
    return code


def _check_tokens(settings: Settings) -> int:
    from watcher.service.tokens import token_problem  # noqa: PLC0415

    problems = [problem for inbox in settings.inboxes if (problem := token_problem(inbox))]
    for problem in problems:
        click.echo(f"FAILED: {printable(problem)}")
    return FAILED if problems else SUCCESS


def _check_dkim(settings: Settings) -> int:
    from watcher.service.dkim_keys import obstacle  # noqa: PLC0415

    problem = obstacle(settings)
    if problem:
        click.echo(f"dkim: FAILED: {problem}")
    return FAILED if problem else SUCCESS


def _check_inbox(inbox: Inbox) -> str:
    """The problem of this inbox, or nothing; prints a line for each folder that is well."""
    from watcher.mailbox import MailboxError, Session  # noqa: PLC0415
    from watcher.service.inbox import account_of  # noqa: PLC0415

    problems: list[str] = []
    try:
        with Session.open(account_of(inbox, os.environ)) as session:
            push = "push" if "IDLE" in session.capabilities else "no push, polled only"
            for folder in inbox.folders:
                try:
                    state = session.examine(folder)
                except MailboxError as error:
                    problems.append(str(error))
                else:
                    click.echo(f"inbox {inbox.name}: {folder}: {state.exists} messages ({push})")
    except MailboxError as error:
        problems.append(str(error))
    return "; ".join(problems)


@click.command("poll")
@config_option
@click.pass_context
def poll_command(ctx: click.Context) -> int:
    """One pass over all inboxes: fetch what is new, derive it, exit.

    Exits with 1 when an inbox failed, with 75 when all that failed may work later.

    \b
    watcher poll
    */10 * * * *  watcher --config /etc/watcher/inboxes.yaml poll     (from cron)
    """
    from watcher.archive import Archive  # noqa: PLC0415
    from watcher.clock import utc_now  # noqa: PLC0415
    from watcher.derivation import Lanes  # noqa: PLC0415
    from watcher.service.dkim_keys import keep_keys  # noqa: PLC0415
    from watcher.service.outside import show_once  # noqa: PLC0415
    from watcher.service.stopping import stop_on_signals  # noqa: PLC0415

    settings = load_settings(ctx)
    senders = _senders(settings)
    with (
        stop_on_signals() as stopped,
        Lanes.of(settings, senders) as lanes,
        Archive.open(settings, senders, lanes) as archive,
    ):
        archive.retry_failed()
        passes = _poll_all(settings, stopped)
        pending = archive.vault.counts().pending
        with progress("deriving", pending) as shown:
            derived = archive.derive_pending(
                stopped=stopped, on_batch=lambda batch: shown.advance(batch.total)
            )
        keep_keys(settings, stopped=stopped)
        well = not any(each.errors for each in passes)
        unshown = show_once(settings, archive.vault, archive.store, utc_now(), well=well)
    for each in passes:
        _print_pass(each)
    click.echo(str(derived))
    for problem in unshown:
        click.echo(f"not shown: {problem}", err=True)
    return _poll_code(passes)


def _poll_all(settings: Settings, stopped: Callable[[], bool]) -> list[Pass]:
    """All inboxes, several at once, each with a vault connection of its own; in the order of the settings."""
    from watcher.service.inbox import poll_inbox  # noqa: PLC0415
    from watcher.vault import Vault  # noqa: PLC0415

    def one(inbox: Inbox) -> Pass:
        with Vault.open(settings.store.vault) as vault:
            return poll_inbox(inbox, vault, os.environ, stopped=stopped)

    with (
        ThreadPoolExecutor(max_workers=_AT_ONCE) as pool,
        progress("polling", len(settings.inboxes), unit="inboxes") as shown,
    ):
        passes = []
        for done in pool.map(one, settings.inboxes):
            passes.append(done)
            shown.advance(1)
        return passes


def _print_pass(each: Pass) -> None:
    polled = each.polled
    words = [f"{polled.stored} new"]
    words += [f"{polled.duplicate} known already"] if polled.duplicate else []
    words += [f"{polled.skipped} skipped"] if polled.skipped else []
    words += [f"{polled.failed} not handed over, tried again next time"] if polled.failed else []
    click.echo(f"inbox {each.inbox}: {', '.join(words)}")
    for error in each.errors:
        click.echo(f"FAILED: {printable(str(error))}", err=True)


def _poll_code(passes: list[Pass]) -> int:
    from watcher.mailbox import ConnectionLost, TemporarilyRefused, Unreachable  # noqa: PLC0415

    errors = [error for each in passes for error in each.errors]
    if not errors:
        return SUCCESS
    temporary = all(isinstance(error, (ConnectionLost, TemporarilyRefused, Unreachable)) for error in errors)
    return TRY_LATER if temporary else FAILED


@click.command("run")
@config_option
@click.pass_context
def run_command(ctx: click.Context) -> int:
    """The daemon: take mail in as it arrives, and poll at intervals, until SIGTERM or Ctrl-C.

    SIGHUP reads the settings again; with a mistake in them the old ones stay. Under systemd it reports
    READY, STATUS and the watchdog. A bad setting at the start ends it with exit code 78.

    \b
    watcher run
    watcher --config /etc/watcher/inboxes.yaml run
    """
    from watcher import malloc  # noqa: PLC0415
    from watcher.settings.apart import Reading  # noqa: PLC0415

    malloc.give_back()
    reading = Reading(found_config(ctx))  # meanwhile the daemon's own modules are loaded
    from watcher.service.daemon import Daemon  # noqa: PLC0415
    from watcher.service.notify import Notifier  # noqa: PLC0415

    settings, senders = reading.result()
    if not settings.inboxes:
        click.echo(f"watcher: {settings.path} has no inboxes to watch; add one below `inboxes:`", err=True)
        return BAD_CONFIGURATION
    Daemon(settings, senders, Notifier()).run()
    return SUCCESS
