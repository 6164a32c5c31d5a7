"""The commands. Thin: each reads its options, calls a room, and prints what came back.

Exit codes: 0 fine, 1 something failed, 2 usage, 75 try again later, 78 bad configuration (sysexits.h).
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import click

from watcher import __version__, coredumps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Command -> module that holds it, and the line that `--help` shows. Modules are imported when their command
# is
# called: `watcher --help` must not pay for IMAP, YAML and an HTML engine.
_COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("start", "Try it: sample newsletters, an IMAP server of its own, and Datasette."),
    "init": ("start", "Write commented settings to start from."),
    "auth": ("signin", "Sign in for an inbox that logs in with tokens (OAuth 2)."),
    "check": ("watch", "Validate the settings, try each login and folder, test the databases."),
    "run": ("watch", "The daemon: watch all inboxes until stopped."),
    "poll": ("watch", "One pass over all inboxes, then exit."),
    "import": ("backfill", "Take in mbox, Maildir, .eml, archives of them, or old mail by IMAP."),
    "rebuild": ("backfill", "Make the clean store again from the vault."),
    "merge": ("merging", "Merge the vaults of several watchers."),
    "attachments": ("attachments", "List the attachments of a mail, or write them to files."),
    "screenshots": ("screenshots", "Draw the mails that have no screenshot yet."),
    "senders": ("senders", "The register of senders: import, unknown, apply, list."),
    "explain": ("inspect", "The record of one mail, with every rule that fired."),
    "verify": ("verify", "Prove that a mail is its sender's, by DKIM keys kept at its arrival."),
    "clean": ("inspect", "Clean one body, HTML or plain text."),
    "links": ("inspect", "Classify URLs from standard input."),
    "status": ("report", "How each inbox is doing."),
    "backup": ("upkeep", "Copy the databases, also while the daemon runs."),
    "restore": ("upkeep", "Check a copy, or put it back."),
    "serve": ("report", "Explore the newsletters with Datasette."),
    "publish": ("publish", "A copy of the archive for everybody, looked through once more."),
    "install-unit": ("install", "Write systemd units for this installation."),
}


class _LazyGroup(click.Group):
    """Finds commands by name and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"watcher.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="watcher")
@click.option(
    "--config",
    "config",
    metavar="FILE",
    help="Settings file. Default: $WATCHER_CONFIG, ./config/inboxes.yaml, /etc/watcher/inboxes.yaml.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.pass_context
def main_command(ctx: click.Context, config: str | None, verbose: bool) -> None:
    """Keep every newsletter of an inbox as a clean, tracker-free, searchable record in SQLite.

    \b
    watcher demo                          try it, without an account
    watcher init                          write config/inboxes.yaml to start from
    watcher check                         are the settings right?
    watcher run                           watch, until stopped
    watcher serve                         look at what came in
    """
    ctx.obj = {"config": config, "verbose": verbose}


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script.

    Runs the command, and turns our errors into one line and an exit code.
    """
    if arguments is None:  # a process of its own, and no guest in another one
        coredumps.forbid()
    os.umask(0o007)  # nothing that the watcher writes is for everyone; the vault narrows it further
    sys.exit(_guarded(lambda: main_command.main(arguments, prog_name="watcher", standalone_mode=False)))


def _guarded(call: Callable[[], object]) -> int:  # noqa: PLR0911  # one for each way to end
    from watcher.cli.failure import exit_code  # noqa: PLC0415  # pays for the rooms' error classes

    try:
        outcome = call()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 130
    except BrokenPipeError:
        # `watcher status | head`: the reader has seen enough. Nothing more may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a file or folder of the user's that the system refuses
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"watcher: {where}{error.strerror or error}", err=True)
        return 1
    except Exception as error:  # the rooms' own errors have a code and a sentence; any other goes on as it is
        code = exit_code(error)
        if code is None:
            raise
        click.echo(f"watcher: {error}", err=True)
        return code
    return outcome if isinstance(outcome, int) else 0
