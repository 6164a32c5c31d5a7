"""verify: is a mail what its sender signed? From the kept keys, without DNS."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import config_option, load_settings, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.authenticity import Verdict
    from watcher.service.verifying import Proof
    from watcher.vault import Vault


_ID = re.compile(r"[0-9]{1,18}")  # SQLite's integers have 63 bits


@click.command("verify")
@click.argument("mails", metavar="ID|FILE...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="For scripts: one list, an object for each mail.")
@config_option
@click.pass_context
def verify_command(ctx: click.Context, mails: tuple[str, ...], as_json: bool) -> int:
    """Prove that mails came from their senders and were not changed, by DKIM keys kept at their arrival.

    A number is a mail of the archive, anything else a raw message in a file (- for standard input). Nobody is
    asked: keys are in the vault for inboxes with `preserve_dkim`. Exits with 0 when each mail has a signature
    that passes and answers for the address in From, else with 1.

    \b
    watcher verify 12
    watcher verify mail.eml --json | jq '.[0].signatures'
    """
    from watcher.service.verifying import verify_bytes, verify_message  # noqa: PLC0415
    from watcher.vault import Vault  # noqa: PLC0415

    settings = load_settings(ctx)
    shapes: list[dict[str, Any]] = []
    proved = True
    with Vault.look(settings.store.vault) as vault:
        for name in mails:
            found = (
                verify_message(vault, int(name)) if _ID.fullmatch(name) else verify_bytes(vault, _read(name))
            )
            proved = proved and found.proving is not None
            if as_json:
                shapes.append(_shape(vault, name, found))
            else:
                for line in _lines(vault, name, found):
                    click.echo(printable(line))
    if as_json:
        click.echo(json.dumps(shapes, ensure_ascii=False, indent=2))
    return SUCCESS if proved else FAILED


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _lines(vault: Vault, name: str, proof: Proof) -> Iterator[str]:
    proving = proof.proving
    if proving is not None and proving.coverage is not None:
        yield f"{name}: PROVED, signed by {proving.domain}: {proving.coverage.words()}"
    else:
        yield f"{name}: not proved: {_why_not(proof)}"
    for each in proof.verdicts:
        yield f"  {each.number}. {_described(vault, each)}"


def _why_not(proof: Proof) -> str:
    if not proof.verdicts:
        return "it has no DKIM signature"
    if not proof.authors:
        return "it has no single From that a signature could answer for"
    return f"no signature that passes answers for {', '.join(sorted(proof.authors))} in From"


def _described(vault: Vault, verdict: Verdict) -> str:
    from watcher.service.verifying import key_of  # noqa: PLC0415

    signer = f"{verdict.domain} ({verdict.selector})" if verdict.domain else "nobody"
    words = [f"{signer}: {verdict.result}"]
    if verdict.reason:
        words.append(verdict.reason)
    if verdict.coverage is not None:
        words.append(f"covers {verdict.coverage.words()}")
    if verdict.key_bits is not None:
        words.append(f"{verdict.algorithm} with {verdict.key_bits} bits")
    if (key := key_of(vault, verdict)) is not None:
        first, last = key.looked_up_at.date(), key.confirmed_at.date()
        words.append(f"key in DNS on {first}" if first == last else f"key in DNS from {first} to {last}")
    if verdict.coverage is not None and not verdict.aligned:
        words.append("does not answer for From")
    return "; ".join(words)


def _shape(vault: Vault, name: str, proof: Proof) -> dict[str, Any]:
    """The JSON shape that scripts rely on."""
    return {
        "mail": name,
        "id": proof.message,
        "arrived_at": _text(proof.arrived_at),
        "from_domains": sorted(proof.authors),
        "proved": proof.proving is not None,
        "signatures": [_signature_shape(vault, each) for each in proof.verdicts],
    }


def _signature_shape(vault: Vault, verdict: Verdict) -> dict[str, Any]:
    from watcher.service.verifying import key_of  # noqa: PLC0415

    key, covered = key_of(vault, verdict), verdict.coverage
    return {
        "number": verdict.number,
        "domain": verdict.domain,
        "selector": verdict.selector,
        "result": verdict.result,
        "reason": verdict.reason,
        "aligned": verdict.aligned,
        "algorithm": verdict.algorithm,
        "key_bits": verdict.key_bits,
        "key": key
        and {
            "record": key.record,
            "looked_up_at": _text(key.looked_up_at),
            "confirmed_at": _text(key.confirmed_at),
        },
        "covers": covered
        and {
            "from": covered.sender,
            "subject": covered.subject,
            "whole_body": covered.whole_body,
            "body_bytes": covered.body_bytes,
            "body_total": covered.body_total,
        },
    }


def _text(moment: Any) -> str | None:
    from watcher.pipeline import utc_text  # noqa: PLC0415

    return utc_text(moment) if moment is not None else None
