"""The command publish: a copy of the archive for everybody, with what it takes to serve it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from watcher.cli.failure import SUCCESS
from watcher.cli.options import config_option, load_settings
from watcher.cli.progress import progress

if TYPE_CHECKING:
    from watcher.service.publishing import Published

PROFILE: Final = "datasette.yaml"
README: Final = "README.md"
_SHIPPED: Final = "datasette.public.yaml"

_TEXT: Final = """\
# A newsletter archive

`newsletters.db` is a SQLite file with {newsletters:,} newsletters, as Newsletter Watcher had them on {day}.
Addresses and names of who received them are not in it, and `[link removed]` stands where a link told who
followed it. Times are UTC, to the minute.

Read it in a browser, from this folder:

    pip install '{package}[web]'
    {command}

`{profile}` has the title, the descriptions and the limits. Change it as you like: the next copy leaves it
as it is. Nobody writes to the database (`--immutable`); a new copy takes its place, and Datasette shows it
when it is started again. Behind a web server with https add `--setting force_https_urls on`.
"""


@click.command("publish")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option("--all", "everything", is_flag=True, help="With what is no newsletter, too.")
@click.option("--dry-run", is_flag=True, help="Look it through and write nothing.")
@config_option
@click.pass_context
def publish_command(ctx: click.Context, directory: Path, everything: bool, dry_run: bool) -> int:
    """Put a copy of the archive for everybody into DIR, also while the daemon runs.

    Names of inboxes, seconds of arrival, forwarders and what is no newsletter stay behind. Every text is
    looked through again for the addresses and names in the settings: one hit, and nothing is published.
    A copy that is there already is replaced at once, its datasette.yaml stays.

    \b
    watcher publish /srv/archive
    watcher publish --dry-run /srv/archive
    """
    from watcher import settings as room  # noqa: PLC0415
    from watcher.service import backup, publishing  # noqa: PLC0415

    settings = load_settings(ctx)
    senders = room.load_senders(settings.senders)
    with progress("looking through", publishing.newsletters_in(settings.store.newsletters)) as shown:
        made = publishing.publish(
            settings, senders, directory, everything=everything, dry_run=dry_run, advance=shown.advance
        )
    for inbox in made.strange_inboxes:
        click.echo(
            f"watcher: the settings name no inbox {inbox}: its mail was looked through for the names and "
            "addresses of the others alone",
            err=True,
        )
    left_out = f"; {made.left_out} mails that are no newsletters stay behind" if made.left_out else ""
    if made.path is None:
        click.echo(f"{made.newsletters} newsletters could be published{left_out}; nothing was written")
    else:
        _describe(directory, made)
        megabytes = backup.megabytes(made.size)
        click.echo(f"{made.path}: {made.newsletters} newsletters, {megabytes}{left_out}")
        click.echo(f"how to serve it: {directory / README}")
    return SUCCESS


def _describe(directory: Path, made: Published) -> None:
    """Write the profile, unless there is one, and the README."""
    from watcher.clock import utc_now  # noqa: PLC0415
    from watcher.settings import sample_files  # noqa: PLC0415
    from watcher.web import public_command  # noqa: PLC0415

    profile = directory / PROFILE
    if not profile.exists():
        _write(profile, sample_files()[_SHIPPED])
    command = shlex.join(public_command("newsletters.db", profile))
    text = _TEXT.format(
        newsletters=made.newsletters,
        day=utc_now().strftime("%Y-%m-%d"),
        package="newsletter-watcher",
        command=command,
        profile=PROFILE,
    )
    _write(directory / README, text.encode())


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.partial")
    draft.write_bytes(content)
    draft.chmod(0o644)
    draft.replace(path)
