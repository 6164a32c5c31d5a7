"""The command that merges the vaults of several watchers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import config_option, load_settings
from watcher.cli.progress import progress

if TYPE_CHECKING:
    from watcher.settings import Settings


@click.command("merge")
@click.argument(
    "vaults", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the merged databases are. Default: those of the settings.",
)
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that derive.")
@config_option
@click.pass_context
def merge_command(
    ctx: click.Context, vaults: tuple[Path, ...], into: Path | None, workers: int | None
) -> int:
    """Merge the vaults of several watchers, on one machine or many, into one vault and one newsletters.db.

    The vaults are only read, and their daemons may run. Done again, only what is new is merged, and every
    newsletter keeps its id; keep the merged vault.db, it holds them. The inboxes of all watchers belong into
    the settings that the merge is run with, each under its own name.

    \b
    watcher merge --into /srv/archive a/vault.db b/vault.db
    watcher merge --config merged.yaml replicas/*/vault.db
    """
    from watcher.archive import Archive, Derived  # noqa: PLC0415
    from watcher.batch.merging import Merged, merge, owed  # noqa: PLC0415
    from watcher.batch.workers import Derivers, suitable_workers  # noqa: PLC0415
    from watcher.service.stopping import stop_on_signals  # noqa: PLC0415
    from watcher.settings import load_senders  # noqa: PLC0415
    from watcher.vault import Vault  # noqa: PLC0415

    settings = _placed(load_settings(ctx), into)
    _refuse_itself(vaults, settings)
    senders = load_senders(settings.senders)
    derived = Derived()
    with stop_on_signals() as stopped:
        with Vault.open(settings.store.vault) as target, progress("merging", owed(target, vaults)) as shown:
            for path in vaults:
                came = Merged() if stopped() else merge(target, path, stopped=stopped, on_batch=shown.advance)
                click.echo(
                    f"{path}: {came.seen} deliveries, {came.stored} new mails, "
                    f"{came.duplicate} same as another, {came.known} merged before"
                )
            waiting = target.message_sizes(target.pending_ids())
        derivers = Derivers(settings, senders, workers=workers or suitable_workers(sum(waiting.values())))
        with derivers, Archive.open(settings, senders, derivers) as archive:
            derivers.give(archive.vault.pending_ids())
            with progress("deriving", derivers.owed) as shown:
                for rows in derivers.rest(stopped=stopped):
                    derived += archive.commit(rows)
                    shown.advance(len(rows))
    click.echo(f"{settings.store.newsletters}: derived {derived.done}, failed {derived.failed}")
    if stopped():
        click.echo("stopped early; the same command goes on where it ended", err=True)
        return FAILED
    return SUCCESS


def _placed(settings: Settings, into: Path | None) -> Settings:
    if into is None:
        return settings
    places = {"vault": "vault.db", "newsletters": "newsletters.db", "media": "media.db"}
    store = replace(settings.store, **{name: into / file for name, file in places.items()})
    return replace(settings, store=store)


def _refuse_itself(vaults: tuple[Path, ...], settings: Settings) -> None:
    target = settings.store.vault
    for path in vaults:
        if target.exists() and path.samefile(target):
            raise click.UsageError(f"{path} is the vault that is merged into; name another with --into")
