"""The command that fetches an inbox's first token: auth."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import config_option, load_settings, printable

if TYPE_CHECKING:
    from watcher.oauth import Client, Token
    from watcher.settings import Inbox, Settings


@click.command("auth")
@click.argument("provider", type=click.Choice(["google", "microsoft", "other"]))
@click.argument("inbox")
@click.option("--no-browser", is_flag=True, help="Only print the address to open, on any machine.")
@click.option(
    "--flow",
    type=click.Choice(["device", "loopback"]),
    help="device: type a code in on any machine. loopback: the browser comes back to this one. "
    "Default: what the provider allows for mail.",
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Port for the loopback flow; any unless given."
)
@config_option
@click.pass_context
def auth_command(
    ctx: click.Context, provider: str, inbox: str, no_browser: bool, flow: str | None, port: int
) -> int:
    """Sign in for an inbox with `oauth:`, keep the token, and try the login.

    The settings name the client id that you have registered with the provider; the README tells how.

    \b
    watcher auth google politics
    watcher auth microsoft politics --no-browser
    """
    from watcher.oauth import OAuthError, SignInNeeded  # noqa: PLC0415
    from watcher.service.tokens import client_of, explained, token_file  # noqa: PLC0415

    chosen = _inbox(load_settings(ctx), inbox, provider)
    client = client_of(chosen, os.environ)
    try:
        if (flow or client.endpoints.flow) == "device":
            token = _by_device(client, chosen, browser=not no_browser)
        else:
            token = _by_loopback(client, chosen, browser=not no_browser, port=port)
        missing = token.missing(client.endpoints.scope)
        if missing:
            raise SignInNeeded(f"the access to mail was not granted (scope {' '.join(missing)})")
        file = token_file(chosen)
        with file.locked(), file.replacing() as keep:
            keep(token)
    except OAuthError as error:
        raise type(error)(explained(chosen, error)) from None
    click.echo(f"signed in; the token is kept in {file.path} and renewed by itself")
    return _try_login(chosen)


def _inbox(settings: Settings, name: str, provider: str) -> Inbox:
    chosen = next((each for each in settings.inboxes if each.name == name), None)
    if chosen is None:
        names = ", ".join(each.name for each in settings.inboxes) or "none"
        raise click.UsageError(f"there is no inbox `{name}` in {settings.path}; there are: {names}")
    written = chosen.oauth.provider.value if chosen.oauth else ""
    if written != provider:
        what = f"has `oauth: {{provider: {written}}}`" if written else "logs in with a password"
        raise click.UsageError(
            f"inbox {name} {what}; write `oauth: {{provider: {provider}, client_id: ...}}` in {settings.path}"
        )
    return chosen


def _by_device(client: Client, inbox: Inbox, *, browser: bool) -> Token:
    from watcher.oauth import device  # noqa: PLC0415

    code = device.start(client)
    click.echo(
        f"Open {printable(code.address)} on any machine, sign in as the account of inbox {inbox.name}, and "
        f"type in this code:\n\n    {printable(code.user_code)}\n"
    )
    if browser:
        _open(code.address)
    click.echo(f"Waiting, for {code.expires_in / 60:.0f} minutes at most ...")
    return device.wait(client, code)


def _by_loopback(client: Client, inbox: Inbox, *, browser: bool, port: int) -> Token:
    from watcher.oauth.loopback import SECONDS, LoopbackSignIn  # noqa: PLC0415

    with LoopbackSignIn(
        client, login_hint=inbox.username if "@" in inbox.username else "", port=port
    ) as signing:
        click.echo(
            f"Open this address in a browser and sign in as the account of inbox {inbox.name}:\n\n"
            f"    {signing.address}\n"
        )
        if browser:
            _open(signing.address)
        click.echo(
            f"Waiting, for {SECONDS / 60:.0f} minutes at most ...\n"
            "If the browser runs on another machine, it ends at a page that it cannot show: copy the address "
            f"of that page ({signing.redirect}/?...) and paste it here."
        )
        return signing.wait(pasted=_descriptor())


def _descriptor() -> int | None:
    """Standard input, where somebody may paste; None where nothing can be typed."""
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def _open(address: str) -> None:
    import webbrowser  # noqa: PLC0415

    # Without a display a text browser would take this terminal over, which shows the address anyway.
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)


def _try_login(inbox: Inbox) -> int:
    from watcher.mailbox import MailboxError, Session  # noqa: PLC0415
    from watcher.service.inbox import account_of  # noqa: PLC0415

    try:
        with Session.open(account_of(inbox, os.environ)):
            click.echo(f"inbox {inbox.name}: the login works")
    except MailboxError as error:
        click.echo(f"FAILED: {printable(str(error))}", err=True)
        return FAILED
    return SUCCESS
