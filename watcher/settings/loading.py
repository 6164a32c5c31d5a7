"""From a file to settings: read, check, and say everything that is wrong at once.

Rules that look at more than one inbox or sender are here; they work on the document, so that they speak up
even when other things are wrong.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.settings import fields, inboxes_model, senders_model, values
from watcher.settings.document import Mapping, Scalar, Sequence, read
from watcher.settings.excerpt import known_keys
from watcher.settings.problems import Problem, SettingsError
from watcher.settings.secrets import SecretKind, SecretRef
from watcher.settings.validation import Checker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.settings.oauth_model import OAuth
    from watcher.settings.secret_model import Secret

_SENDERS_FILE = "senders.yaml"
_PLAIN_PORT = 143
_TLS_PORT = 993


def load_inboxes_file(path: Path) -> values.Settings:
    """Read the settings in `path`. Raises `SettingsError` with every problem of the file."""
    checker = Checker(read(path, known_keys(inboxes_model.InboxesFile)), inboxes_model.InboxesFile)
    model, problems = checker.check()
    path = path.absolute()
    problems += [*_same_names(checker), *_missing_files(checker, path.parent)]
    if model is not None:
        settings = _settings(path, model)
        problems += _shared_databases(checker, model, settings.store)
        if not problems:
            return settings
    raise SettingsError(problems)


def load_senders_file(path: Path) -> tuple[values.SenderSettings, ...]:
    """Read the senders in `path`. Raises `SettingsError` with every problem of the file."""
    checker = Checker(read(path, known_keys(senders_model.SendersFile)), senders_model.SendersFile)
    model, problems = checker.check()
    problems += [*_same_slugs(checker), *_same_claims(checker)]
    if model is None or problems:
        raise SettingsError(problems)
    return tuple(_sender(each) for each in model.senders)


def _settings(path: Path, model: inboxes_model.InboxesFile) -> values.Settings:
    folder = path.parent
    base = folder.parent if folder.name == "config" else folder
    newsletters = _below(base, model.store.newsletters)
    vault = _below(base, model.store.vault) if model.store.vault else newsletters.with_name("vault.db")
    senders = _below(folder, model.senders or _SENDERS_FILE)
    return values.Settings(
        path=path,
        store=values.Store(
            newsletters=newsletters,
            vault=vault,
            media=_below(base, model.store.media) if model.store.media else newsletters.with_name("media.db"),
        ),
        links=model.links,
        max_message=model.max_message,
        senders=senders if model.senders or senders.is_file() else None,
        inboxes=tuple(_inbox(each, folder, model, vault.with_name("tokens")) for each in model.inboxes),
        dns_server=model.dns_server,
        backup=values.Backup(_below(base, model.backup.directory), model.backup.keep, model.backup.media)
        if model.backup
        else None,
        metrics_file=_below(base, model.metrics_file) if model.metrics_file else None,
        metrics_listen=_listen(model.metrics_listen) if model.metrics_listen else None,
        heartbeat=values.Heartbeat(model.heartbeat.command or (), model.heartbeat.url or "")
        if model.heartbeat
        else None,
        workers=values.Workers(model.workers.deadline, model.workers.memory),
        limits=values.Limits(**model.limits.model_dump()),
        attachments=model.attachments,
    )


def _listen(written: str) -> tuple[str, int]:
    host, _, port = written.rpartition(":")
    return host.strip("[]"), int(port)


def _inbox(
    model: inboxes_model.Inbox, folder: Path, shared: inboxes_model.InboxesFile, tokens: Path
) -> values.Inbox:
    default_port = _TLS_PORT if model.security is values.Security.TLS else _PLAIN_PORT
    return values.Inbox(
        name=model.name,
        host=model.host,
        port=model.port or default_port,
        security=model.security,
        insecure=model.insecure,
        username=model.username,
        password=_reference(model.name, model.password, folder) if model.password else None,
        oauth=_oauth(model.name, model.oauth, folder, tokens) if model.oauth else None,
        cafile=_below(folder, model.cafile) if model.cafile else None,
        folders=model.folders,
        every=model.every,
        after=model.after,
        move_to=model.move_to or "",
        since=model.since,
        max_message=model.max_message or shared.max_message,
        trusted_authserv_id=model.trusted_authserv_id or "",
        trusted_mx=model.trusted_mx,
        trusted_arc=model.trusted_arc,
        links=model.links,
        redact=model.redact,
        addresses=model.addresses,
        accept=values.Accept(**model.accept.model_dump()),
        preserve_dkim=shared.preserve_dkim if model.preserve_dkim is None else model.preserve_dkim,
        images=model.images or shared.images,
    )


def _oauth(inbox: str, model: OAuth, folder: Path, tokens: Path) -> values.OAuth:
    return values.OAuth(
        provider=model.provider,
        client_id=model.client_id or "",
        client_secret=_reference(inbox, model.client_secret, folder) if model.client_secret else None,
        tenant=model.tenant or "",
        scope=model.scope or "",
        authorization_endpoint=model.authorization_endpoint or "",
        device_endpoint=model.device_endpoint or "",
        token_endpoint=model.token_endpoint or "",
        token_file=_below(folder, model.token_file) if model.token_file else tokens / f"{inbox}.json",
    )


def _reference(inbox: str, model: Secret, folder: Path) -> SecretRef:
    if model.credential is not None:
        return SecretRef(inbox, SecretKind.CREDENTIAL, (model.credential,))
    if model.file is not None:
        return SecretRef(inbox, SecretKind.FILE, (str(_below(folder, model.file)),))
    if model.env is not None:
        return SecretRef(inbox, SecretKind.ENV, (model.env,))
    return SecretRef(inbox, SecretKind.COMMAND, model.command or ())


def _sender(model: senders_model.Sender) -> values.SenderSettings:
    return values.SenderSettings(
        slug=model.slug or fields.slugified(model.name),
        name=model.name,
        kind=model.kind or "",
        party=model.party or "",
        country=model.country or "",
        locality=model.locality or "",
        office=model.office or "",
        website=model.website or "",
        source=model.source or "",
        match=values.Match(
            list_ids=model.match.list_ids,
            aliases=model.match.aliases,
            accounts=model.match.accounts,
            addresses=model.match.addresses,
            domains=model.match.domains,
        ),
    )


def _below(folder: Path, written: str) -> Path:
    """Make an absolute path: `~` is the home directory, a relative path begins at `folder`."""
    at_home = os.path.expanduser(written)  # noqa: PTH111  # that of Path raises where there is no home directory
    return Path(os.path.normpath(folder / at_home))


def _missing_files(checker: Checker[inboxes_model.InboxesFile], folder: Path) -> Iterator[Problem]:
    """Find what the file names and the disk lacks."""
    certificates = [("inboxes", index, "cafile") for index, _ in checker.items("inboxes")]
    for loc in (("senders",), *certificates):
        named = checker.text(loc)
        if named and not _below(folder, named).is_file():
            yield checker.problem_at(loc, f"there is no file {_below(folder, named)}")


def _shared_databases(
    checker: Checker[inboxes_model.InboxesFile], model: inboxes_model.InboxesFile, store: values.Store
) -> Iterator[Problem]:
    """Find databases that would be written over each other."""
    for key, database, others in (
        ("vault", store.vault, (store.newsletters,)),
        ("media", store.media, (store.newsletters, store.vault)),
    ):
        if database in others:
            at = key if getattr(model.store, key) else "newsletters"
            message = f"the {key} must be a file of its own: {database} is another database"
            yield checker.problem_at(("store", at), message)


def _same_names(checker: Checker[inboxes_model.InboxesFile]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, inbox in checker.items("inboxes"):
        name = _scalar(inbox, "name")
        if name is None or name.text is None:
            continue
        line = first.setdefault(name.text, name.start.line)
        if line != name.start.line:
            message = f"the inbox in line {line} has the same name: each needs its own"
            yield checker.problem_at(("inboxes", index, "name"), message)


def _same_slugs(checker: Checker[senders_model.SendersFile]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, sender in checker.items("senders"):
        written, name = _scalar(sender, "slug"), _scalar(sender, "name")
        place = written or name
        if place is None or name is None or name.text is None:
            continue
        slug = _slug(sender)
        key = "slug" if written else "name"
        if not slug:
            message = "no slug can be made from this name: write one, as in `slug: example-party`"
            yield checker.problem_at(("senders", index, key), message)
            continue
        line = first.setdefault(slug, place.start.line)
        if line != place.start.line:
            message = (
                f"the sender in line {line} has the slug `{slug}` as well: write one, as in `slug: {slug}-2`"
            )
            yield checker.problem_at(("senders", index, key), message)


def _same_claims(checker: Checker[senders_model.SendersFile]) -> Iterator[Problem]:
    first: dict[tuple[str, str], tuple[int, str]] = {}
    for index, sender in checker.items("senders"):
        _, match = sender.pairs.get("match", (None, None))
        for key in senders_model.Match.model_fields:
            _, listed = match.pairs.get(key, (None, None)) if isinstance(match, Mapping) else (None, None)
            for position, value in enumerate(listed.items if isinstance(listed, Sequence) else []):
                if not isinstance(value, Scalar) or value.text is None:
                    continue
                claim = (key, _same(key, value.text))
                if claim not in first:
                    first[claim] = (value.start.line, _slug(sender))
                    continue
                line, slug = first[claim]
                by = f"the sender `{slug}`" if slug else "the sender"
                message = f"{by} claims the same in line {line}: one mark belongs to one sender, once"
                yield checker.problem_at(("senders", index, "match", key, position), message)


def _same(key: str, written: str) -> str:
    """Make equal what is one mark: only account ids distinguish case."""
    if key == "accounts":
        provider, colon, account = written.partition(":")
        return f"{provider.lower()}{colon}{account}"
    return written.lower().strip("<>").strip("+" if key == "aliases" else ".")


def _slug(sender: Mapping) -> str:
    slug, name = _scalar(sender, "slug"), _scalar(sender, "name")
    return (slug and slug.text) or fields.slugified((name and name.text) or "")


def _scalar(node: Mapping, key: str) -> Scalar | None:
    _, value = node.pairs.get(key, (None, None))
    return value if isinstance(value, Scalar) and value.text is not None else None
