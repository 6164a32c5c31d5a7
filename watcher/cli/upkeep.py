"""Commands for copies: backup and restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import config_option, load_settings
from watcher.cli.progress import progress

if TYPE_CHECKING:
    from watcher.service.restoring import Checked


@click.command("backup")
@click.argument("directory", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--without-media", is_flag=True, help="Leave media.db out: screenshots may be most of it.")
@config_option
@click.pass_context
def backup_command(ctx: click.Context, directory: Path | None, without_media: bool) -> int:
    """Copy the databases into a new folder in DIR, also while the daemon runs.

    DIR is `backup: directory` of the settings unless written; there the oldest copies are deleted as in the
    night, and `media:` beside it says whether media.db, the pictures, is copied. The vault's copy holds your
    mail: the folder is closed to others.

    \b
    watcher backup
    watcher backup /mnt/disk/archive
    watcher backup --without-media /mnt/disk/archive
    """
    from watcher.clock import utc_now  # noqa: PLC0415
    from watcher.service import backup  # noqa: PLC0415

    settings = load_settings(ctx)
    nightly = settings.backup if directory is None else None
    into = nightly.directory if nightly else directory
    if into is None:
        raise click.UsageError("name a folder, or write `backup: {directory: ...}` in the settings", ctx)
    media = not without_media and (nightly is None or nightly.media)
    made = backup.make(settings.store, into, utc_now(), media=media)
    click.echo(f"{made.path}: {backup.megabytes(made.size)}")
    for gone in backup.rotate(into, nightly.keep) if nightly else ():
        click.echo(f"deleted {gone}")
    return SUCCESS


@click.command("restore")
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="FILE|DIR")
@click.option("--check", "check_only", is_flag=True, help="Look for damage and change nothing.")
@click.option("--all", "everything", is_flag=True, help="Unpack every mail and picture, not a sample of 500.")
@click.option("--force", is_flag=True, help="Replace databases that are there; they are kept beside.")
@config_option
@click.pass_context
def restore_command(ctx: click.Context, source: Path, check_only: bool, everything: bool, force: bool) -> int:
    """Check a copy, or put it in the place of the databases that the settings name.

    DIR is one copy, or the folder of all: then the newest is taken. Nothing is put back while the daemon
    runs, and nothing from a copy that is damaged. Where the copy has no media.db, the one in use goes aside
    with the others: its pictures would soon be those of other mails.

    \b
    watcher restore --check /var/backups/watcher
    watcher restore --check --all data/vault.db
    watcher restore /var/backups/watcher/watcher-2026-11-23T033000Z
    """
    from watcher import log  # noqa: PLC0415
    from watcher.clock import utc_now  # noqa: PLC0415
    from watcher.service import restoring  # noqa: PLC0415

    sample = None if everything else restoring.SAMPLE
    if check_only:
        log.configure(verbose=bool(ctx.obj.get("verbose")))
        return _check(source, sample)
    settings = load_settings(ctx)
    restored = restoring.restore(source, settings.store, utc_now(), force=force, sample=sample)
    for path in restored.placed:
        click.echo(f"restored {path}")
    for path in restored.kept:
        click.echo(f"the old one is {path}; delete it when all is well")
    click.echo(
        "Start `watcher run` again, and restart `watcher serve`: it still shows what was there before."
    )
    return SUCCESS


def _check(source: Path, sample: int | None) -> int:
    from watcher.service import restoring  # noqa: PLC0415

    checked: list[Checked] = []
    for path in restoring.databases_of(source):
        with progress("unpacking", restoring.items_in(path, sample)) as shown:
            checked.append(restoring.check(path, sample, shown.advance))
    for each in checked:
        words = [f"{count} {what}" for what, count in each.rows.items()]
        if each.unpacked:
            words.append(f"{each.unpacked} unpacked and compared")
        click.echo(f"{each.path}: {', '.join(words)}")
    problem = restoring.problem_of(checked)
    click.echo(f"FAILED: {problem}" if problem else "sound")
    return FAILED if problem else SUCCESS
