"""Commands for the first day: init and demo."""

from __future__ import annotations

import contextlib
import importlib.resources
import os
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import config_option, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.settings import Settings

_READY_SECONDS = 30.0


@click.command("init")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=Path("config"))
@config_option
def init_command(directory: Path) -> int:
    """Write commented settings into DIRECTORY (default: config). Existing files are left as they are.

    \b
    watcher init
    watcher init /etc/watcher
    """
    from watcher.settings import sample_files  # noqa: PLC0415

    directory.mkdir(parents=True, exist_ok=True)
    for name, content in sample_files().items():
        target = directory / name
        try:
            with target.open("xb") as file:
                file.write(content)
        except FileExistsError:
            click.echo(f"{target}: exists already, left as it is")
        else:
            click.echo(f"{target}: written")
    click.echo(f"Next: describe your inbox in {directory / 'inboxes.yaml'}, then run `watcher check`.")
    return SUCCESS


@click.command("demo")
@click.option("--once", is_flag=True, help="Exit after the summary, without Datasette.")
@click.option(
    "--dir", "directory", type=click.Path(file_okay=False, path_type=Path), help="Keep the databases here."
)
@click.option("--port", default=8001, show_default=True, help="Port of Datasette; another when it is taken.")
@config_option
def demo_command(once: bool, directory: Path | None, port: int) -> int:
    """See it work without an account: sample newsletters in an IMAP server of its own, taken in and shown.

    Everything stays on this machine. Needs the extra `demo`.

    \b
    watcher demo
    watcher demo --once
    """
    from watcher import log  # noqa: PLC0415
    from watcher.demo import samples  # noqa: PLC0415
    from watcher.demo.server import demo_server  # noqa: PLC0415

    log.configure()
    with ExitStack() as stack:
        home = directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="watcher-demo-")))
        home.mkdir(parents=True, exist_ok=True)
        mails = samples()
        with demo_server(mails) as server:
            click.echo(
                f"An IMAP server on {server.host}:{server.port} holds {len(mails)} sample newsletters."
            )
            settings = _demo_settings(home, server.host, server.port, server.username, server.password)
            if (code := _take_in(settings)) != SUCCESS:
                return code
        if once:
            return SUCCESS
        return _serve(settings, port)


def _demo_settings(home: Path, host: str, port: int, username: str, password: str) -> Settings:
    from watcher import settings as room  # noqa: PLC0415

    secret = home / "password"
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="utf-8")
    file = home / "inboxes.yaml"
    file.write_text(
        "store:\n"
        "  newsletters: newsletters.db\n"
        "  vault: vault/vault.db\n"
        "inboxes:\n"
        "  - name: demo\n"
        f"    host: {host}\n"
        f"    port: {port}\n"
        "    security: none\n"
        f"    username: {username}\n"
        "    password: {file: password}\n"
        "    addresses: [reader@example.org]\n"
        "    trusted_authserv_id: mx.example.org\n"
        "    trusted_mx: [mx.example.org]\n",
        encoding="utf-8",
    )
    senders = importlib.resources.files("watcher.demo") / "senders.yaml"
    (home / "senders.yaml").write_bytes(senders.read_bytes())
    return room.load(file)


def _take_in(settings: Settings) -> int:
    """Poll the demo's inbox, derive, and print what came in."""
    from watcher import settings as room  # noqa: PLC0415
    from watcher.archive import Archive  # noqa: PLC0415
    from watcher.service.inbox import poll_inbox  # noqa: PLC0415

    with Archive.open(settings, room.load_senders(settings.senders)) as archive:
        outcome = poll_inbox(settings.inboxes[0], archive.vault, os.environ)
        for error in outcome.errors:
            click.echo(f"watcher: {printable(str(error))}", err=True)
        if outcome.errors:
            return FAILED
        archive.derive_pending()
    _summary(settings.store.newsletters)
    return SUCCESS


def _summary(store: Path) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from watcher.store import summary  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    table.add_column("Received", no_wrap=True, min_width=10)
    for name, share in (("Subject", 5), ("From", 3), ("Email Providers", 3)):
        table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=share)
    for name in ("Words", "Links", "Trackers"):
        table.add_column(name, no_wrap=True, justify="right", min_width=len(name))
    rows = summary(store)
    for row in rows:
        table.add_row(
            row.received_at[:10],
            printable(row.subject),
            printable(row.from_name),
            row.providers,
            str(row.words),
            str(row.links),
            str(row.trackers),
        )
    Console(markup=False, highlight=False, emoji=False, width=None).print(table)
    click.echo(
        f"{len(rows)} newsletters, {sum(row.trackers for row in rows)} trackers removed, nothing requested."
    )


def _serve(settings: Settings, port: int) -> int:
    from watcher.web import command, datasette_settings, wait_until_ready  # noqa: PLC0415

    host, port = "127.0.0.1", _free_port(port)
    store = settings.store
    arguments = command(store.newsletters, datasette_settings(settings.path.parent), host, port, store.media)
    log = settings.path.with_name("datasette.log")
    with log.open("wb") as output, _terminated_on_exit(_start(arguments, output)) as process:
        if not wait_until_ready(host, port, _READY_SECONDS):
            click.echo(f"watcher: Datasette did not start:\n{log.read_text('utf-8', 'replace')}", err=True)
            return FAILED
        click.echo(f"Datasette shows them: http://{host}:{port}/ (Ctrl-C ends the demo)")
        with contextlib.suppress(KeyboardInterrupt):
            return process.wait()
    return SUCCESS


def _start(arguments: list[str], output: BinaryIO) -> subprocess.Popen[bytes]:
    return subprocess.Popen(arguments, stdout=output, stderr=output)  # noqa: S603  # our own argument list


@contextmanager
def _terminated_on_exit(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End the process with this one, also when SIGTERM ends this one."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield process
    finally:
        signal.signal(signal.SIGTERM, before)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port(wanted: int) -> int:
    """`wanted`, or a port that the system chooses when it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")
