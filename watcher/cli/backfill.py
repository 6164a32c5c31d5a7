"""Commands on much mail at once: import and rebuild."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import config_option, load_settings, printable
from watcher.cli.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from watcher.archive import Archive, Derived
    from watcher.batch.importing import Imported
    from watcher.batch.sources import Reading
    from watcher.batch.workers import Derivers
    from watcher.cli.progress import Progress
    from watcher.settings import Inbox, SenderSettings, Settings

_workers = click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Processes that derive. Default: one for each processor when there is enough to do.",
)

_scheduler = click.option(
    "--scheduler",
    metavar="URL",
    help="Derive on the workers of this dask scheduler, tcp://HOST:8786; needs the extra `cluster`.",
)
_shards = click.option(
    "--shards",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --scheduler: a directory that all its machines share. Default: that of the vault.",
)


@click.command("import")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@_workers
@_scheduler
@_shards
@click.option("--inbox", metavar="NAME", help="Treat the mail as this configured inbox's.")
@click.option("--imap", metavar="INBOX", help="Take old mail from this configured inbox's own server.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="With --imap: from this day on."
)
@click.option("--folder", "folders", multiple=True, metavar="NAME", help="With --imap: this folder alone.")
@config_option
@click.pass_context
def import_command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    workers: int | None,
    scheduler: str | None,
    shards: Path | None,
    inbox: str | None,
    imap: str | None,
    since: datetime | None,
    folders: tuple[str, ...],
) -> int:
    """Take in old mail: mbox files, Maildirs, .eml files, folders and archives of them, or an IMAP folder.

    Google Takeout's .zip and .tgz are taken as they are, and .zip, .tar, .gz and .zst of anything else. It
    can be stopped and started again at any time: what is in the vault is not stored twice.

    \b
    watcher import ~/Maildir
    watcher import takeout-20260301.zip
    watcher import --workers 4 old.mbox letters/
    watcher import --inbox politics export.mbox.gz
    watcher import --scheduler tcp://10.0.0.5:8786 /srv/mail/old.mbox
    watcher import --imap politics --since 2020-01-01 --folder INBOX
    """
    settings = load_settings(ctx)
    _check_scheduler(scheduler, shards, others=imap is not None or workers is not None)
    if imap is not None:
        if paths or inbox is not None:
            raise click.UsageError("--imap takes mail from a server: leave out paths and --inbox")
        return _import_mailbox(settings, _chosen(settings, imap), since, folders, workers)
    if not paths:
        raise click.UsageError("name what to import: files or folders, or an inbox with --imap")
    if since or folders:
        raise click.UsageError("--since and --folder belong to --imap")
    chosen = _chosen(settings, inbox) if inbox else None
    if scheduler is not None:
        return _import_on(scheduler, settings, paths, chosen, shards)
    return _import_files(settings, paths, chosen, workers)


def _import_files(
    settings: Settings, paths: tuple[Path, ...], inbox: Inbox | None, workers: int | None
) -> int:
    from watcher.archive import Archive, Derived  # noqa: PLC0415
    from watcher.batch.importing import INBOX, Batch, take_in  # noqa: PLC0415
    from watcher.batch.sources import total_bytes  # noqa: PLC0415
    from watcher.batch.workers import Derivers, suitable_workers  # noqa: PLC0415
    from watcher.service.stopping import stop_on_signals  # noqa: PLC0415

    senders = _senders(settings)
    size = total_bytes(paths)
    derivers = Derivers(settings, senders, workers=workers or suitable_workers(size))
    derived = Derived()
    with stop_on_signals() as stopped, derivers, Archive.open(settings, senders, derivers) as archive:
        derivers.give(archive.vault.pending_ids())  # what an interrupted run left
        with progress("reading", size, unit="bytes") as shown:

            def committed(batch: Batch) -> None:
                nonlocal derived
                derivers.give(batch.new)
                for rows in derivers.ready():
                    derived += archive.commit(rows)
                shown.advance(batch.bytes)

            taken = take_in(
                archive.vault,
                paths,
                inbox=inbox.name if inbox else INBOX,
                max_bytes=inbox.max_message if inbox else settings.max_message,
                stopped=stopped,
                on_batch=committed,
                on_mbox=_tell_mbox,
            )
        derived += _derive_rest(archive, derivers, stopped)
    return _import_told(taken, derived, stopped())


def _import_on(
    scheduler: str, settings: Settings, paths: tuple[Path, ...], inbox: Inbox | None, shards: Path | None
) -> int:
    from watcher.archive import Archive  # noqa: PLC0415
    from watcher.batch.cluster.client import Cluster  # noqa: PLC0415
    from watcher.batch.cluster.importing import ClusterImport  # noqa: PLC0415
    from watcher.batch.importing import INBOX  # noqa: PLC0415
    from watcher.batch.sources import total_bytes  # noqa: PLC0415
    from watcher.service.stopping import stop_on_signals  # noqa: PLC0415

    senders = _senders(settings)
    cluster = Cluster(scheduler, settings, senders, shards=shards)
    with stop_on_signals() as stopped, cluster, Archive.open(settings, senders, cluster) as archive:
        with progress("reading", total_bytes(paths), unit="bytes") as shown:
            work = ClusterImport(
                cluster,
                archive,
                inbox=inbox.name if inbox else INBOX,
                max_bytes=inbox.max_message if inbox else settings.max_message,
                stopped=stopped,
                on_bytes=shown.advance,
                on_mbox=_tell_mbox,
            )
            work.take(paths)
        if not stopped():
            work.derive_rest()
    return _import_told(work.imported, work.derived, stopped())


def _import_mailbox(
    settings: Settings, inbox: Inbox, since: datetime | None, folders: tuple[str, ...], workers: int | None
) -> int:
    from watcher.archive import Archive  # noqa: PLC0415
    from watcher.batch.workers import Derivers, suitable_workers  # noqa: PLC0415
    from watcher.service.backfill import take_in_old  # noqa: PLC0415
    from watcher.service.stopping import stop_on_signals  # noqa: PLC0415
    from watcher.vault import Vault  # noqa: PLC0415

    senders = _senders(settings)
    with stop_on_signals() as stopped:
        with ExitStack() as bars, Vault.open(settings.store.vault) as vault:
            shown: list[Progress] = []

            def found(folder: str, count: int) -> None:
                bars.pop_all().close()
                shown[:] = [bars.enter_context(progress(printable(folder), count))]

            def settled(count: int) -> None:
                shown[0].advance(count)

            taken = take_in_old(
                inbox,
                vault,
                os.environ,
                folders=folders,
                since=since.date() if since else None,
                stopped=stopped,
                on_found=found,
                on_batch=settled,
            )
            waiting = vault.message_sizes(vault.pending_ids())
        derivers = Derivers(settings, senders, workers=workers or suitable_workers(sum(waiting.values())))
        with derivers, Archive.open(settings, senders, derivers) as archive:
            derivers.give(archive.vault.pending_ids())
            derived = _derive_rest(archive, derivers, stopped)
    click.echo(
        f"looked at {taken.seen}: {taken.stored} new, {taken.duplicate} same as another, "
        f"{taken.skipped} left out, {taken.failed} not handed over"
    )
    return _import_ended(derived, stopped())


def _derive_rest(archive: Archive, derivers: Derivers, stopped: Callable[[], bool]) -> Derived:
    from watcher.archive import Derived  # noqa: PLC0415

    derived = Derived()
    with progress("deriving", derivers.owed) as shown:
        for rows in derivers.rest(stopped=stopped):
            derived += archive.commit(rows)
            shown.advance(len(rows))
    return derived


def _import_told(taken: Imported, derived: Derived, stopped: bool) -> int:
    click.echo(
        f"read {taken.seen}: {taken.stored} new, {taken.duplicate} same as another, "
        f"{taken.known} imported before"
    )
    return _import_ended(derived, stopped)


def _import_ended(derived: Derived, stopped: bool) -> int:
    click.echo(str(derived))
    if stopped:
        click.echo("stopped early; the same command goes on where it ended", err=True)
        return FAILED
    return SUCCESS


def _tell_mbox(name: str, reading: Reading) -> None:
    from watcher.log import get_logger  # noqa: PLC0415

    get_logger().info("mbox", file=name, flavour=reading.flavour.value, because=reading.reason)


def _chosen(settings: Settings, name: str) -> Inbox:
    for inbox in settings.inboxes:
        if inbox.name == name:
            return inbox
    known = ", ".join(inbox.name for inbox in settings.inboxes) or "none"
    raise click.UsageError(f"no inbox named {name}; the settings have: {known}")


def _senders(settings: Settings) -> tuple[SenderSettings, ...]:
    from watcher import settings as room  # noqa: PLC0415

    return room.load_senders(settings.senders)


@click.command("rebuild")
@_workers
@_scheduler
@_shards
@click.option("--failed", is_flag=True, help="Only mail whose record failed.")
@click.option("--where", metavar="SQL", help="Only newsletters for which this condition on their row holds.")
@click.option("--diff", is_flag=True, help="Write nothing; tell what would change. Exit code 1 if anything.")
@click.option("--json", "as_json", is_flag=True, help="With --diff: as JSON.")
@click.option("--show", is_flag=True, help="With --diff: the examples' texts before and after, too.")
@config_option
@click.pass_context
def rebuild_command(
    ctx: click.Context,
    workers: int | None,
    scheduler: str | None,
    shards: Path | None,
    failed: bool,
    where: str | None,
    diff: bool,
    as_json: bool,
    show: bool,
) -> int:
    """Make the clean store again from the vault: after an update, a changed rule or setting, or a lost file.

    The whole store is written to a new file that replaces the old one at once; with --failed or --where the
    chosen rows are replaced in place.

    \b
    watcher rebuild
    watcher rebuild --workers 4
    watcher rebuild --scheduler tcp://10.0.0.5:8786
    watcher rebuild --failed
    watcher rebuild --where "platform = 'mailchimp' and month >= '2026-01'"
    watcher rebuild --diff                      would the new rules change anything?
    watcher rebuild --diff --show --where "sender = 'river-watch'"
    """
    from watcher.batch.rebuilding import rebuild  # noqa: PLC0415
    from watcher.batch.workers import suitable_workers  # noqa: PLC0415
    from watcher.vault import Vault  # noqa: PLC0415

    settings = load_settings(ctx)
    senders = _senders(settings)
    _check_scheduler(scheduler, shards, others=bool(diff or failed or where or workers))
    if diff:
        return _review(settings, senders, failed, where, workers, as_json=as_json, show=show)
    if as_json or show:
        raise click.UsageError("--json and --show belong to --diff")
    if failed or where:
        return _rebuild_some(settings, senders, failed, where)
    with Vault.open(settings.store.vault, create=False) as vault:
        total = vault.counts().messages
    if scheduler is not None:
        return _rebuild_on(scheduler, settings, senders, shards, total)
    chosen = workers or suitable_workers(settings.store.vault.stat().st_size)
    with progress("deriving", total) as shown:
        derived = rebuild(
            settings, senders, workers=chosen, on_batch=lambda batch: shown.advance(batch.total)
        )
    click.echo(
        f"rebuilt {settings.store.newsletters}: {derived.done} derived, {derived.failed} failed"
        + (f", {derived.refused} refused" if derived.refused else "")
    )
    return SUCCESS


def _rebuild_on(
    scheduler: str, settings: Settings, senders: tuple[SenderSettings, ...], shards: Path | None, total: int
) -> int:
    from watcher.batch.cluster.client import Cluster  # noqa: PLC0415
    from watcher.batch.rebuilding import Interrupted, rebuild  # noqa: PLC0415
    from watcher.service.stopping import stop_on_signals  # noqa: PLC0415

    cluster = Cluster(scheduler, settings, senders, shards=shards)
    with stop_on_signals() as stopped, progress("deriving", total) as shown:
        try:
            derived = rebuild(
                settings,
                senders,
                crew=cluster,
                stopped=stopped,
                on_batch=lambda batch: shown.advance(batch.done + batch.failed),
            )
        except Interrupted as stop:
            click.echo(stop, err=True)
            return FAILED
    click.echo(f"rebuilt {settings.store.newsletters}: {derived.done} derived, {derived.failed} failed")
    return SUCCESS


def _check_scheduler(scheduler: str | None, shards: Path | None, *, others: bool) -> None:
    if shards is not None and scheduler is None:
        raise click.UsageError("--shards belongs to --scheduler")
    if scheduler is not None and others:
        raise click.UsageError("--scheduler takes whole vaults and whole files: leave out the other options")


def _rebuild_some(
    settings: Settings, senders: tuple[SenderSettings, ...], failed: bool, where: str | None
) -> int:
    from watcher.archive import Archive  # noqa: PLC0415
    from watcher.batch.rebuilding import rebuild_some  # noqa: PLC0415
    from watcher.derivation import Lanes  # noqa: PLC0415

    with Lanes.of(settings, senders) as lanes, Archive.open(settings, senders, lanes) as archive:
        ids: set[int] = set()
        if failed:
            ids |= archive.vault.failed_ids()
        if where:
            ids |= archive.store.ids(where)
        with progress("deriving", len(ids)) as shown:
            derived = rebuild_some(archive, sorted(ids), on_batch=lambda batch: shown.advance(batch.total))
    click.echo(str(derived))
    return SUCCESS


def _review(
    settings: Settings,
    senders: tuple[SenderSettings, ...],
    failed: bool,
    where: str | None,
    workers: int | None,
    *,
    as_json: bool,
    show: bool,
) -> int:
    from watcher.batch.reviewing import review  # noqa: PLC0415
    from watcher.batch.workers import suitable_workers  # noqa: PLC0415
    from watcher.cli.difference import tell  # noqa: PLC0415

    vault = settings.store.vault
    size = vault.stat().st_size if vault.is_file() else 0
    with ExitStack() as bars:
        shown: list[Progress] = []

        def began(total: int) -> None:
            shown.append(bars.enter_context(progress("comparing", total)))

        def compared(count: int) -> None:
            shown[0].advance(count)

        found = review(
            settings,
            senders,
            failed=failed,
            where=where,
            workers=workers or suitable_workers(size if not failed and not where else 0),
            on_begin=began,
            on_batch=compared,
        )
    return tell(found, as_json=as_json, show=show)
