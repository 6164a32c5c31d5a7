"""screenshots: pictures of the mails, made without telling anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import config_option, load_settings
from watcher.cli.progress import progress

if TYPE_CHECKING:
    from watcher.batch.photographing import Taken


@click.command("screenshots")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many mails, the newest first.")
@click.option("--again", is_flag=True, help="All mails, also those that have their pictures.")
@click.option("--failed", is_flag=True, help="Only mails that could not be drawn.")
@click.option("--workers", type=click.IntRange(1, 32), default=1, show_default=True, help="Browsers at once.")
@click.option("--browser", metavar="PROGRAM", default="", help="Chromium's program. Default: found in $PATH.")
@config_option
@click.pass_context
def screenshots_command(
    ctx: click.Context, limit: int | None, again: bool, failed: bool, workers: int, browser: str
) -> int:
    """Draw the mails that have no screenshot yet, as their reader would have seen them.

    They are drawn by a Chromium that can reach nothing: what a mail wants to load is a box with its
    alternative text, and the subscriber is taken out before. The pictures lie in media.db beside the
    archive, where the web pages find them. It can be stopped and started again at any time.

    \b
    watcher screenshots
    watcher screenshots --limit 100
    watcher screenshots --failed
    """
    from watcher.batch.photographing import outstanding, photograph  # noqa: PLC0415
    from watcher.rendering import Media  # noqa: PLC0415
    from watcher.service.shutter import answer  # noqa: PLC0415
    from watcher.service.stopping import stop_on_signals  # noqa: PLC0415
    from watcher.vault import Vault  # noqa: PLC0415

    settings = load_settings(ctx)
    with (
        stop_on_signals() as stopped,
        Vault.look(settings.store.vault) as vault,
        Media.open(settings.store.media) as media,
    ):
        answer(settings.store.media)
        ids = outstanding(vault, media, again=again, failed=failed)[:limit]
        with progress("drawing", len(ids)) as shown:
            taken = photograph(
                settings,
                vault,
                media,
                ids,
                workers=min(workers, len(ids) or 1),
                browser=browser,
                stopped=stopped,
                on_mail=lambda: shown.advance(1),
            )
        click.echo(_summary(taken))
        for reason, count in media.reasons() if taken.without else ():
            click.echo(f"  {count} without: {reason}")
    if stopped():
        click.echo("stopped early; the same command goes on where it ended", err=True)
        return FAILED
    return SUCCESS


def _summary(taken: Taken) -> str:
    words = [f"drew {taken.drawn}, {taken.without} have none"]
    if taken.browsers:
        words.append(f"the browser held {taken.peak >> 20} MB at most")
        words.append("had no network" if taken.alone else "could not be given a network of its own")
    return "; ".join(words)
