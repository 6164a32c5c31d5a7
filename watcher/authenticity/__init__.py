"""Authenticity: does a DKIM signature hold against a public key that was kept (RFC 6376, RFC 8463)?

`read` splits a mail into what signatures cover, `Mail.signatures` are those that it carries, `Mail.signers`
the names whose keys have to be kept, and `check` judges one signature against key records. Nothing here asks
DNS: keys come in as text, and the answer is the same years after the domain has thrown its key away.

Needs the extra `dkim` for `check`; the rest does without.
"""

from __future__ import annotations

from watcher.authenticity.checking import Coverage, Result, ToolsMissing, Verdict, check, need_tools
from watcher.authenticity.keys import KeyUnusable
from watcher.authenticity.mail import Mail, read
from watcher.authenticity.signatures import MAX_SIGNATURES, Malformed, Signature, Signer

__all__ = [
    "MAX_SIGNATURES",
    "Coverage",
    "KeyUnusable",
    "Mail",
    "Malformed",
    "Result",
    "Signature",
    "Signer",
    "ToolsMissing",
    "Verdict",
    "check",
    "need_tools",
    "read",
]
