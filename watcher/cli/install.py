"""The command install-unit: systemd files for the installation that runs."""

from __future__ import annotations

import difflib
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import config_option
from watcher.cli.units import (
    INSTANCE,
    Plan,
    UnitFile,
    config_home,
    hidden_parts,
    is_hidden,
    launcher,
    systemd_version,
    unit_files,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.settings import Settings

_STATE = Path("/var/lib")  # what StateDirectory= is relative to, systemd.exec(5)


@click.command("install-unit")
@click.option("--user", is_flag=True, help="For `systemctl --user`: runs as you, needs no root.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--datasette", is_flag=True, help="The web pages as a service as well.")
@click.option("--screenshots", is_flag=True, help="A service that draws the mails as well.")
@click.option("--instance", metavar="NAME", help="A daemon of its own for /etc/watcher/NAME.yaml.")
@click.option(
    "--prefix",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write below DIR in place of / (with --user: of ~/.config).",
)
@click.option("--force", is_flag=True, help="Replace files that differ.")
@config_option
@click.pass_context
def install_unit_command(
    ctx: click.Context,
    user: bool,
    dry_run: bool,
    datasette: bool,
    screenshots: bool,
    instance: str | None,
    prefix: Path | None,
    force: bool,
) -> int:
    """Write systemd units for this installation, and say what to do next. Nothing is started.

    A file that is there and differs is shown as a diff and left as it is, unless --force is given; changes of
    your own belong into `systemctl edit`.

    \b
    watcher install-unit --dry-run
    sudo /opt/watcher/venv/bin/watcher install-unit --datasette --screenshots
    watcher install-unit --user
    sudo /opt/watcher/venv/bin/watcher install-unit --instance museum
    """
    config = ctx.obj.get("config")
    # What is staged below DIR may be for another machine.
    version = systemd_version() if prefix is None else 0
    if screenshots and (user or instance is not None):
        raise click.UsageError("--screenshots draws for watcher.service: neither with --user nor --instance")
    plan = _plan(config, version, user=user, datasette=datasette, instance=instance)
    plan = replace(plan, screenshots=screenshots)
    root = prefix or (config_home() if user else Path("/"))
    for warning in _warnings(plan, here=prefix is None):
        click.echo(f"warning: {warning}", err=True)
    wanted = [UnitFile(root / each.target, each.text) for each in unit_files(plan)]
    if dry_run:
        _show(wanted)
        return SUCCESS
    if not _install(wanted, force=force):
        return FAILED
    if prefix is None:
        click.echo("Next:")
        for step in _next_steps(plan):
            click.echo(f"  {step}")
    return SUCCESS


def _plan(config: str | None, systemd: int, *, user: bool, datasette: bool, instance: str | None) -> Plan:
    if instance is not None:
        if not INSTANCE.fullmatch(instance):
            raise click.UsageError(
                "--instance NAME: up to 23 lower-case letters, digits and hyphens, a letter first"
            )
        if user:
            raise click.UsageError("--instance gives a daemon an account of its own, which --user cannot do")
        if datasette:
            raise click.UsageError("--datasette shows the store of watcher.service, not that of an instance")
        if config is not None:
            raise click.UsageError(f"the instance {instance} reads /etc/watcher/{instance}.yaml: no --config")
    return Plan(
        launcher=launcher(),
        settings=Path(config).absolute() if config is not None else None,
        user=user,
        datasette=datasette,
        instance=instance or "",
        systemd=systemd,
    )


def _warnings(plan: Plan, *, here: bool) -> Iterator[str]:
    """What will not work, with the remedy. `here`: for this machine, whose settings are read."""
    if plan.user:
        yield (
            "a user's service has no account, no directories and no file system view of its own: a hole in "
            "the daemon can read and write what you can. The unit names what is left out"
        )
    elif parts := hidden_parts():
        yield (
            f"this installation uses {', '.join(map(str, parts))}, which services do not see (ProtectHome=, "
            "PrivateTmp=): install it again below /opt with an interpreter of the system: "
            "`sudo /usr/bin/python3 -m venv /opt/watcher/venv`"
        )
    if here and plan.settings_file.is_file():
        yield from _warnings_of_settings(plan)


def _warnings_of_settings(plan: Plan) -> Iterator[str]:
    from watcher import settings as room  # noqa: PLC0415

    try:
        settings = room.load(plan.settings_file)
    except room.SettingsError:
        yield f"{plan.settings_file} has mistakes; `watcher check --config {plan.settings_file}` shows them"
        return
    if plan.user:
        return
    if is_hidden(plan.settings_file):
        yield f"{plan.settings_file} is where services cannot see it: keep it in /etc/watcher"
    yield from _warnings_of_places(plan, settings)


def _warnings_of_places(plan: Plan, settings: Settings) -> Iterator[str]:
    state = _STATE / plan.account
    folders = dict.fromkeys(_written_to(settings))
    if hidden := [each for each in folders if is_hidden(each)]:
        yield (
            f"the service cannot see {', '.join(map(str, hidden))} (ProtectHome=, PrivateTmp=): keep what "
            f"the daemon writes below {state} (archive/, vault/), and write that in the settings"
        )
    if foreign := [each for each in folders if not is_hidden(each) and not each.is_relative_to(state)]:
        places = " ".join(map(str, foreign))
        yield (
            f"the service may write below {state} only, and the settings name {places}. Move that, or "
            f"`systemctl edit {plan.services[0]}`, [Service], ReadWritePaths={places}, and let "
            f"{plan.account} write there"
        )
    if plan.datasette and settings.store.vault.parent == settings.store.newsletters.parent:
        yield (
            "vault and store share a directory, in which the web pages must be able to write: give the vault "
            f"one of its own, such as {state}/vault"
        )


def _written_to(settings: Settings) -> Iterator[Path]:
    """The directories in which the daemon writes."""
    yield from (settings.store.newsletters.parent, settings.store.vault.parent)
    if settings.backup is not None:
        yield settings.backup.directory
    if settings.metrics_file is not None:
        yield settings.metrics_file.parent
    yield from (inbox.oauth.token_file.parent for inbox in settings.inboxes if inbox.oauth is not None)


def _show(wanted: list[UnitFile]) -> None:
    for each in wanted:
        if (there := _content(each.target)) is None:
            click.echo(f"# would write {each.target}\n{each.text}")
        elif there == each.text:
            click.echo(f"# {each.target} is there already, unchanged")
        else:
            click.echo(f"# {each.target} is there and differs:\n{_diff(each, there)}")


def _install(wanted: list[UnitFile], *, force: bool) -> bool:
    """Write all files, or none when one that is there would be changed without `force`."""
    there = {each.target: _content(each.target) for each in wanted}
    changed = [each for each in wanted if there[each.target] not in {None, each.text}]
    for each in changed:
        click.echo(_diff(each, there[each.target] or ""))
    if changed and not force:
        names = ", ".join(str(each.target) for each in changed)
        click.echo(
            f"watcher: nothing was written: {names} differ from what would be written (see above). Keep "
            "changes of your own in a drop-in (`systemctl edit`), then say --force",
            err=True,
        )
        return False
    for each in wanted:
        if there[each.target] == each.text:
            click.echo(f"unchanged  {each.target}")
        else:
            try:
                _write(each)
            except PermissionError as error:
                raise click.ClickException(
                    f"{each.target}: {error.strerror}; run it with sudo, or use --user or --prefix DIR"
                ) from error
            click.echo(f"{'written ' if there[each.target] is None else 'replaced'}   {each.target}")
    return True


def _content(path: Path) -> str | None:
    """The text of the file; None when there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _diff(wanted: UnitFile, there: str) -> str:
    before, after = there.splitlines(), wanted.text.splitlines()
    names = (str(wanted.target), "as this installation writes it")
    return "\n".join(difflib.unified_diff(before, after, *names, lineterm="", n=1))


def _write(file: UnitFile) -> None:
    """Put the file there whole or not at all, readable for everyone whatever the umask."""
    for folder in reversed([each for each in file.target.parents if not each.exists()]):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    handle, draft = tempfile.mkstemp(prefix=f".{file.target.name}.", dir=file.target.parent)
    try:
        with open(handle, "w", encoding="utf-8") as output:  # noqa: PTH123  # it is a descriptor
            output.write(file.text)
            os.fchmod(handle, 0o644)
        Path(draft).replace(file.target)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _next_steps(plan: Plan) -> list[str]:
    settings, program = plan.settings_file, " ".join(plan.launcher)
    services = " ".join(plan.services)
    if plan.user:
        steps = [] if settings.exists() else [f"{program} init {settings.parent}"]
        return [
            *steps,
            f"{program} check --config {settings}",
            "systemctl --user daemon-reload",
            f"systemctl --user enable --now {services}",
            "loginctl enable-linger          # or it ends when you log out",
        ]
    state = _STATE / plan.account
    steps = [f"sudo systemd-sysusers {plan.account}.conf"]
    if not settings.exists():
        steps += [f"sudo {program} init {settings.parent}"]
        if plan.instance:
            steps += [f"sudo mv {settings.with_stem('inboxes')} {settings}"]
        steps += [
            f"sudoedit {settings}          # the inboxes, and below `store:`",
            f"#   newsletters: {state}/archive/newsletters.db",
            f"#   vault: {state}/vault/vault.db",
        ]
    return [
        *steps,
        f"sudo systemd-tmpfiles --create {plan.account}.conf",
        "sudo systemctl daemon-reload",
        f"sudo systemctl enable --now {services}",
        f"systemctl status {services}",
    ]
