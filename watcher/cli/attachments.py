"""attachments: what came with a mail, listed or written to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import config_option, load_settings, printable

if TYPE_CHECKING:
    from watcher.message import Content


@click.command("attachments")
@click.argument("number", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@click.option(
    "--to",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write them into this directory.",
)
@click.option("--inline", is_flag=True, help="Also pictures and other parts that the text shows.")
@config_option
@click.pass_context
def attachments_command(ctx: click.Context, number: int, directory: Path | None, inline: bool) -> int:
    """List the attachments of a mail of the archive, or write them out as they came.

    The type is what the bytes show; a type that the sender declared and that is another stands behind it.
    Files get harmless names, are never written outside DIR, and replace nothing that is there.

    \b
    watcher attachments 12
    watcher attachments 12 --to ~/letters
    """
    from watcher.batch.extracting import write_out  # noqa: PLC0415
    from watcher.message import contents  # noqa: PLC0415
    from watcher.vault import Vault  # noqa: PLC0415

    settings = load_settings(ctx)
    with Vault.look(settings.store.vault) as vault:
        raw = vault.raw(number)
    wanted = (each for each in contents(raw) if inline or not each.attachment.inline)
    if directory is None:
        lines = (
            f"{each.attachment.sha256[:12]}  {_described(each)}  {each.attachment.name}" for each in wanted
        )
    else:
        lines = (f"{_described(each)}  {directory / name}" for each, name in write_out(wanted, directory))
    count = 0
    for count, line in enumerate(lines, 1):  # noqa: B007  # it is needed after the loop
        click.echo(printable(line))
    if not count:
        hint = "" if inline else "; with --inline, what its text shows"
        click.echo(f"mail {number} has no attachments{hint}", err=True)
        return FAILED
    return SUCCESS


def _described(content: Content) -> str:
    found = content.attachment
    declared = "" if found.detected == found.media_type else f" (declared {found.media_type})"
    return f"{found.size:>10,} bytes  {found.detected}{declared}"
