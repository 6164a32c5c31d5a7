"""What the vault's keys say about a mail, at its arrival and years later. Nobody else is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watcher import authenticity
from watcher.authenticity import Result, Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from watcher.vault import KeptKey, Vault


def verdicts(vault: Vault, raw: bytes, at: datetime | None) -> list[Verdict]:
    """Judge every signature of a mail, the topmost first. `at`: when it arrived, aware, if that is known.

    A mail without signatures has none; a key that the vault does not have is a missing one.
    """
    mail = authenticity.read(raw)
    return [_verdict(vault, mail, signature, at) for signature in mail.signatures()]


def key_of(vault: Vault, verdict: Verdict) -> KeptKey | None:
    """The newest key of the verdict's signer, if one was kept."""
    return next(iter(vault.kept_keys(verdict.domain, verdict.selector)), None)


def _verdict(
    vault: Vault,
    mail: authenticity.Mail,
    signature: authenticity.Signature | authenticity.Malformed,
    at: datetime | None,
) -> Verdict:
    domain, selector = signature.signer or ("", "")
    records = [each.record for each in vault.kept_keys(domain, selector)]
    try:
        verdict = authenticity.check(mail, signature, records, at)
    # The boundary that isolates a mail: the libraries below are fed a stranger's bytes, and one that breaks
    # them must not stop the checking of all others.
    except Exception as error:  # noqa: BLE001
        reason = f"the check broke ({type(error).__name__}); this is a defect, please report it"
        return Verdict(signature.number, domain, selector, Result.FAIL, reason)
    if verdict.result is Result.NO_KEY:
        return replace(verdict, reason=vault.missing_key(domain, selector) or verdict.reason)
    return verdict
