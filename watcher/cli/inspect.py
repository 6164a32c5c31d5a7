"""Commands that look at one mail, one body or some URLs, and change nothing."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watcher.cli.options import config_option, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.pipeline import Context
    from watcher.record import Record

_POLICIES = click.Choice(["unwrap", "remove", "keep"])
_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=str)


@click.command("explain")
@click.argument("file", type=_FILE)
@click.option("--inbox", metavar="NAME", help="Take trust, names and link policy from this inbox.")
@click.option(
    "--recipient", metavar="A", multiple=True, help="An address of the subscriber. May be repeated."
)
@click.option(
    "--name", "names", metavar="N", multiple=True, help="A name of the subscriber. May be repeated."
)
@click.option("--links", "policy", type=_POLICIES, help="Link policy; default: the inbox's, else unwrap.")
@click.option("--json", "as_json", is_flag=True, help="The whole record as JSON.")
@config_option
@click.pass_context
def explain_command(
    ctx: click.Context,
    file: str,
    inbox: str | None,
    recipient: tuple[str, ...],
    names: tuple[str, ...],
    policy: str | None,
    as_json: bool,
) -> int:
    """The record of one mail (a raw message, - for standard input), with every rule that fired.

    \b
    watcher explain mail.eml
    watcher explain mail.eml --recipient me@example.org --links remove
    watcher explain mail.eml --json | jq .providers
    """
    from watcher.pipeline import derive  # noqa: PLC0415
    from watcher.record import Status  # noqa: PLC0415

    context = _context(ctx, inbox, recipient, names, policy)
    record = derive(_read(file), context)
    if as_json:
        click.echo(json.dumps(as_dict(record), ensure_ascii=False, indent=2))
    else:
        _print_record(record)
    return 1 if record.status is Status.FAILED else 0


def _context(
    ctx: click.Context,
    inbox: str | None,
    recipients: tuple[str, ...],
    names: tuple[str, ...],
    policy: str | None,
) -> Context:
    """The inbox's context (the named one, or the only one), with what the command line adds to it."""
    from dataclasses import replace  # noqa: PLC0415

    from watcher.cleaning.policy import Policy  # noqa: PLC0415
    from watcher.pipeline import Context  # noqa: PLC0415

    received = datetime.fromtimestamp(0, UTC)
    context = _inbox_context(ctx, inbox, received) or Context(inbox=inbox or "", received_at=received)
    return replace(
        context,
        policy=Policy(policy) if policy else context.policy,
        addresses=context.addresses | {address.lower() for address in recipients},
        names=context.names | set(names),
    )


def _inbox_context(ctx: click.Context, inbox: str | None, received: datetime) -> Context | None:
    """None when there are no settings, which these commands do not need, and none were asked for."""
    from watcher import settings  # noqa: PLC0415
    from watcher.cli.options import load_settings  # noqa: PLC0415
    from watcher.derivation import Assignment  # noqa: PLC0415
    from watcher.derivation.contexts import Contexts  # noqa: PLC0415

    explicit = bool(ctx.obj.get("config")) or inbox is not None
    if not explicit and not settings.config_exists():
        return None
    loaded = load_settings(ctx)
    known = [each.name for each in loaded.inboxes]
    if inbox is not None and inbox not in known:
        raise click.UsageError(f"no inbox named {inbox}; the settings have: {', '.join(known) or 'none'}")
    chosen = inbox or (known[0] if len(known) == 1 else "")
    given = Assignment.of(loaded, settings.load_senders(loaded.senders))
    return Contexts(given).of(chosen, received)


def _read(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def as_dict(record: Record) -> dict[str, Any]:
    """The JSON shape that scripts rely on."""
    from dataclasses import asdict  # noqa: PLC0415

    shape = asdict(record)
    del shape["sketch"], shape["wording"]  # numbers for the store, to find copies of a mailing by
    author = shape.pop("author")
    ordered = {"subject": shape.pop("subject"), "from": author, "sent_at": shape.pop("sent_at")}
    return {**ordered, **shape}


def _print_record(record: Record) -> None:
    for label, value in (*_header(record), *_provenance(record), *_findings(record)):
        if value:
            click.echo(f"{label:<12} {printable(value)}")
    if record.text:
        click.echo()
        for line in record.text.split("\n"):
            click.echo(printable(line))


def _header(record: Record) -> Iterator[tuple[str, str]]:
    author = record.author
    yield "Subject", record.subject
    yield "From", f"{author.name} <{author.address}>" if author.address else author.name
    yield "Sent", record.sent_at or ""
    yield "Kind", f"{record.kind} ({record.kind_reason})" if record.kind_reason else record.kind
    yield "List-Id", record.list_id
    yield "Language", record.language
    yield "Redactions", str(record.redactions or "")


def _provenance(record: Record) -> Iterator[tuple[str, str]]:
    if record.sender:
        doubt = ", unauthenticated" if record.sender.unauthenticated else ""
        yield "Sender", f"{record.sender.slug} ({record.sender.reason}{doubt})"
    for check in record.authentication:
        yield "Checked", f"{check.method} {check.outcome} {check.domain}".rstrip()
    for provider in record.providers:
        account = f", account {provider.account}" if provider.account else ""
        yield "Provider", f"{provider.name}: {provider.layer}, {provider.status}{account}"
        for fact in provider.evidence:
            yield "", f"  {fact.signal} {fact.header} {fact.value} [{fact.rule}]"


def _findings(record: Record) -> Iterator[tuple[str, str]]:
    for link in record.links:
        target = link.url or "[link removed]"
        yield "Link", f"{link.position}. {link.action}: {target} ({link.role}) [{link.rule}]"
    for tracker in record.trackers:
        yield "Tracker", f"{tracker.kind} {tracker.host} [{tracker.rule}]"
    for removed in record.removed:
        yield "Removed", f"{removed.what}, {removed.chars} characters [{removed.rule}]"
    for attachment in record.attachments:
        kind = attachment.media_type
        if attachment.detected not in {"", kind}:
            kind += f" (by its bytes {attachment.detected})"
        yield "Attachment", f"{attachment.name}, {kind}, {attachment.size} bytes"
    for warning in record.warnings:
        yield "Warning", warning


@click.command("clean")
@click.argument("file", type=_FILE)
@click.option("--sibling", type=_FILE, help="The mail's other body; the two are cleaned together.")
@click.option("--html", "as_html", is_flag=True, help="Print the safe HTML instead of the text.")
@config_option
def clean_command(file: str, sibling: str | None, as_html: bool) -> int:
    """The clean text of one body: HTML or plain text, told by its suffix or its content.

    \b
    watcher clean body.html
    watcher clean body.txt --sibling body.html
    watcher clean body.html --html > safe.html
    """
    from watcher import cleaning  # noqa: PLC0415

    source = _body(file)
    other = _body(sibling) if sibling else ""
    suffix = Path(file).suffix.lower()
    kind = "html" if suffix in {".html", ".htm"} else "text" if suffix in {".txt", ".text"} else ""
    if as_html:
        cleaned = cleaning.clean(source, other, cleaning.Identity.of(()), cleaning.Policy.UNWRAP)
        click.echo(cleaned.html)
    else:
        click.echo(cleaning.to_text(source, sibling=other, kind=kind))
    return 0


def _body(file: str) -> str:
    return _read(file).decode("utf-8", "replace")


@click.command("links")
@click.option(
    "--recipient", metavar="A", multiple=True, help="An address of the subscriber. May be repeated."
)
@click.option("--links", "policy", type=_POLICIES, default="unwrap", show_default=True, help="Link policy.")
@click.option(
    "--report", is_flag=True, help="Counts by action, role and rule instead of a line for each URL."
)
@config_option
def links_command(recipient: tuple[str, ...], policy: str, report: bool) -> int:
    """Classify URLs from standard input, one a line, as JSON, one object a line. None is ever requested.

    \b
    echo 'https://example.org/a?utm_source=x' | watcher links
    watcher links --recipient me@example.org --report < urls.txt
    """
    from watcher.cleaning.identity import Identity  # noqa: PLC0415
    from watcher.cleaning.links import clean_url  # noqa: PLC0415
    from watcher.cleaning.policy import Policy  # noqa: PLC0415

    identity = Identity.of(recipient)
    urls = (line.decode("utf-8", "replace").rstrip("\r\n") for line in sys.stdin.buffer)
    verdicts = (clean_url(url, identity, Policy(policy)) for url in urls if url)
    if report:
        from watcher.cleaning.links import report as counted  # noqa: PLC0415

        found = counted(verdicts)
        shape = {"total": found.total, "actions": found.actions, "roles": found.roles, "rules": found.rules}
        click.echo(json.dumps(shape, indent=2))
        return 0
    for verdict in verdicts:
        shape = {
            "action": verdict.action,
            "url": verdict.url,
            "host": verdict.host,
            "role": verdict.role,
            "rule": verdict.rule,
        }
        click.echo(json.dumps(shape, ensure_ascii=False))
    return 0
