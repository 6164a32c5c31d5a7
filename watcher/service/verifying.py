"""What the vault's keys say about a mail, at its arrival and years later. Nobody else is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watcher import authenticity
from watcher.authenticity import Result, Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from watcher.vault import KeptKey, Vault


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known about the authenticity of one mail."""

    message: int | None  # the vault's, if it has these very bytes
    arrived_at: datetime | None
    authors: frozenset[str]  # the domains in From; empty unless there is exactly one From
    verdicts: tuple[Verdict, ...]

    @property
    def proving(self) -> Verdict | None:
        """The signature that proves the mail: one that passes and answers for the address in From."""
        passing = [each for each in self.verdicts if each.result is Result.PASS and each.aligned]
        whole = [each for each in passing if each.coverage and each.coverage.complete]
        return next(iter(whole or passing), None)


def verify_message(vault: Vault, message: int) -> Proof:
    """Check a message of the vault. Raises `VaultError` when it is missing or damaged."""
    return _proof(vault, vault.raw(message), message)


def verify_bytes(vault: Vault, raw: bytes) -> Proof:
    """Check any mail with the keys of the vault."""
    return _proof(vault, raw, vault.identify(raw))


def _proof(vault: Vault, raw: bytes, message: int | None) -> Proof:
    authenticity.need_tools()
    arrived_at = vault.source(message).internal_date if message is not None else None
    mail = authenticity.read(raw)
    return Proof(message, arrived_at, mail.from_domains(), tuple(verdicts(vault, mail, arrived_at)))


def verdicts(vault: Vault, mail: authenticity.Mail, at: datetime | None) -> list[Verdict]:
    """Judge every signature of a mail, the topmost first. `at`: when it arrived, aware, if that is known.

    A mail without signatures has none; a key that the vault does not have is a missing one.
    """
    return [_verdict(vault, mail, signature, at) for signature in mail.signatures()]


def key_of(vault: Vault, verdict: Verdict) -> KeptKey | None:
    """The key that a verdict was given by, with the days on which DNS had it."""
    kept = vault.kept_keys(verdict.domain, verdict.selector)
    return next((each for each in kept if each.record == verdict.record), None)


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
