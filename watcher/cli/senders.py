"""Commands on the registry of senders: import, unknown, apply, list."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import config_option, load_settings, printable
from watcher.cli.progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watcher.batch.applying import Change
    from watcher.derivation.contexts import Contexts
    from watcher.sender.proposals import Proposal
    from watcher.settings import SenderSettings, Settings

_NOBODY = "nobody"  # what stands for no sender where a person reads


@click.group("senders")
@config_option
def senders_command() -> None:
    """Keep senders.yaml, the register of who sends newsletters, and apply it to old mail.

    \b
    watcher senders import parties.csv     rows of a spreadsheet become entries
    watcher senders unknown                who is not registered, as entries to paste
    watcher senders apply                  a changed senders.yaml on the mail that is there
    watcher senders list                   who is registered, and how much came
    """


@senders_command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Print the new entries and change nothing.")
@config_option
@click.pass_context
def import_command(ctx: click.Context, file: Path, dry_run: bool) -> int:
    """Append the rows of a CSV file to senders.yaml; what is there stays as it is, comments and all.

    The first row names the columns: name, slug, kind, party, country, locality, office, website, source,
    list_id, alias, account, address, domain. Only `name` must be there. In the last five a cell may hold
    several values, separated by `;` or `|`.

    \b
    watcher senders import parties.csv --dry-run
    watcher senders import parties.csv
    """
    from watcher.settings.senders_append import addition  # noqa: PLC0415
    from watcher.settings.senders_csv import read_senders  # noqa: PLC0415

    settings = load_settings(ctx)
    target = _registry_file(settings)
    made = addition(target, read_senders(file), file)
    for entry in made.present:
        click.echo(f"{file}:{entry.place.line}: `{entry.slug}` is there already; left as it is", err=dry_run)
    if dry_run:
        click.echo(made.shown, nl=False)
        return SUCCESS
    if made.entries:
        made.write()
    click.echo(f"{target}: {len(made.entries)} senders added, {len(made.present)} were there already")
    if made.entries:
        click.echo("`watcher senders apply` gives them the mail that is there")
    return SUCCESS


def _registry_file(settings: Settings) -> Path:
    return settings.senders or settings.path.parent / "senders.yaml"


@senders_command.command("unknown")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="How many to show.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@config_option
@click.pass_context
def unknown_command(ctx: click.Context, limit: int, as_json: bool) -> int:
    """Who sends newsletters and is not registered, the most frequent first, as entries for senders.yaml.

    \b
    watcher senders unknown
    watcher senders unknown --limit 100 >> more.yaml
    watcher senders unknown --json | jq '.[0].match'
    """
    from watcher.sender.proposals import propose  # noqa: PLC0415
    from watcher.store import Store  # noqa: PLC0415

    settings = load_settings(ctx)
    known = _senders(settings)
    private = {
        address.lower() for inbox in settings.inboxes for address in (inbox.username, *inbox.addresses)
    }
    with Store.look(settings.store.newsletters) as store:
        proposals = propose(store.strangers(), {address for address in private if "@" in address})
    shown = _slugged(proposals[:limit], known)
    if as_json:
        click.echo(json.dumps([_as_json(*each) for each in shown], ensure_ascii=False, indent=2))
    elif not shown:
        click.echo("every newsletter has a registered sender", err=True)
    else:
        for slug, proposal in shown:
            click.echo(_as_yaml(slug, proposal), nl=False)
        if len(proposals) > limit:
            click.echo(f"{len(proposals) - limit} more: --limit {len(proposals)} shows them all", err=True)
    return SUCCESS


def _slugged(proposals: Iterable[Proposal], known: Iterable[SenderSettings]) -> list[tuple[str, Proposal]]:
    """Each proposal with a slug that nobody else has."""
    from watcher.settings.fields import slugified  # noqa: PLC0415

    taken = {each.slug for each in known}
    shown = []
    for each in proposals:
        plain = slugified(each.name) or slugified(next(iter(each.match.values()))[0]) or "sender"
        slug, number = plain, 1
        while slug in taken:
            number += 1
            slug = f"{plain[:60]}-{number}"
        taken.add(slug)
        shown.append((slug, each))
    return shown


def _as_json(slug: str, proposal: Proposal) -> dict[str, Any]:
    return {
        "name": proposal.name,
        "slug": slug,
        "match": proposal.match,
        "newsletters": proposal.newsletters,
        "first_at": proposal.first_at,
        "last_at": proposal.last_at,
        "platforms": proposal.platforms,
    }


def _as_yaml(slug: str, proposal: Proposal) -> str:
    from watcher.settings.fields import slugified  # noqa: PLC0415
    from watcher.settings.senders_append import entries_as_yaml  # noqa: PLC0415

    name = printable(proposal.name).strip()
    facts = [
        f"{proposal.newsletters} newsletter{'s' if proposal.newsletters > 1 else ''}",
        f"{proposal.first_at[:10]} to {proposal.last_at[:10]}",
        *map(printable, proposal.platforms),
    ]
    entry: dict[str, Any] = {"name": name}
    if slug != slugified(name):
        entry["slug"] = slug
    entry["match"] = proposal.match
    return f"  # {', '.join(facts)}\n{entries_as_yaml([entry])}"


@senders_command.command("apply")
@click.option("--dry-run", is_flag=True, help="Say what would change and change nothing.")
@config_option
@click.pass_context
def apply_command(ctx: click.Context, dry_run: bool) -> int:
    """Give the mail that is there the senders of a changed senders.yaml, as `rebuild` would, but at once.

    Only the sender of a newsletter, its reason, and the register change. A running daemon takes the new file
    when it reloads: do that first. After a change of inboxes.yaml use `watcher rebuild`.

    \b
    watcher senders apply --dry-run
    systemctl reload watcher && watcher senders apply
    """
    from watcher.batch.applying import compare  # noqa: PLC0415
    from watcher.store import Store  # noqa: PLC0415
    from watcher.vault import Vault  # noqa: PLC0415

    settings = load_settings(ctx)
    contexts = _contexts(settings)
    registry, path = contexts.registry, settings.store.newsletters
    with (
        Store.look(path) if dry_run else Store.open(path, create=False) as store,
        Vault.look(settings.store.vault) as vault,
    ):
        with progress("comparing", store.count()) as shown:
            change = compare(vault, store, contexts.of, accounts=registry.by_account, on_batch=shown.advance)
        if not dry_run:
            store.attribute(change.rows, registry.senders)
    _report(change, dry_run=dry_run)
    return FAILED if change.unreadable else SUCCESS


def conflicts(settings: Settings) -> list[str]:
    """What two senders of the register claim in different spellings, each with its places, for `check`.

    The same spelling is refused when the file is read.
    """
    if settings.senders is None:
        return []
    from watcher.sender import normalised  # noqa: PLC0415
    from watcher.settings.claims import claims  # noqa: PLC0415

    found = _contexts(settings).registry.conflicts
    if not found:
        return []
    written = claims(settings.senders)
    sentences = []
    for each in found:
        same = [
            claim
            for claim in written
            if claim.key == each.key and normalised(claim.key, claim.text) == each.value
        ]
        for first, other in zip(same[:1] * len(same), same[1:], strict=False):
            mark = "an alias" if other.private else f"`{printable(other.text)}`"
            sentences.append(
                f"{settings.senders}:{other.place.line}:{other.place.column}: {each.key}: {mark} of "
                f"`{other.slug}` is the same as `{first.slug}` has in line {first.place.line}, "
                f"who gets the mail: one mark belongs to one sender"
            )
    return sentences


def _contexts(settings: Settings) -> Contexts:
    from watcher.derivation import Assignment  # noqa: PLC0415
    from watcher.derivation.contexts import Contexts as Made  # noqa: PLC0415

    return Made(Assignment.of(settings, _senders(settings)))


def _report(change: Change, *, dry_run: bool) -> None:
    gained, lost = Counter[str](), Counter[str]()
    for (before, after), count in change.moved.items():
        lost[before] += count
        gained[after] += count
    for slug in sorted({*gained, *lost}, key=lambda each: (not each, each)):
        click.echo(f"{slug or _NOBODY}: +{gained[slug]} -{lost[slug]}")
    reasons = len(change.rows) - sum(change.moved.values())
    click.echo(
        f"{change.looked_at} mails compared ({change.from_vault} in the vault): "
        f"{sum(change.moved.values())} {'would get' if dry_run else 'have'} another sender"
        + (f", {reasons} another reason" if reasons else "")
    )
    if change.unreadable:
        click.echo(
            f"{len(change.unreadable)} left as they were, for the vault cannot give their bytes; "
            f"the first is no. {change.unreadable[0]}: `watcher check` says more about the vault",
            err=True,
        )


@senders_command.command("list")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@config_option
@click.pass_context
def list_command(ctx: click.Context, as_json: bool) -> int:
    """Who is registered, how many newsletters came, and when the last one did.

    \b
    watcher senders list
    watcher senders list --json | jq '.[] | select(.newsletters == 0)'
    """
    from watcher.store import Store, Tally  # noqa: PLC0415

    settings = load_settings(ctx)
    with Store.look(settings.store.newsletters) as store:
        tallies = store.tallies()
    rows = [(each, tallies.get(each.slug, Tally(0, ""))) for each in _senders(settings)]
    if as_json:
        shown = [
            {
                "slug": each.slug,
                "name": each.name,
                "newsletters": tally.count,
                "last_at": tally.last_at or None,
            }
            for each, tally in rows
        ]
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return SUCCESS
    width = max((len(each.slug) for each, _ in rows), default=0)
    for each, tally in rows:
        click.echo(
            f"{each.slug:<{width}}  {tally.count:>7}  {tally.last_at[:10] or 'never':<10}  {each.name}"
        )
    return SUCCESS


def _senders(settings: Settings) -> tuple[SenderSettings, ...]:
    from watcher import settings as room  # noqa: PLC0415

    return room.load_senders(settings.senders)
