"""A mail as its signer saw it: the header fields with their exact white space, and the body."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watcher.authenticity.signatures import (
    MAX_SIGNATURES,
    Canonicalization,
    TagError,
    signature,
    signer,
    tags,
)
from watcher.message import fields as header_block
from watcher.message import grammar
from watcher.message.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.authenticity.signatures import Malformed, Signature, Signer

_LIMITS = Limits()
_LINE_END = re.compile(rb"\r*\n|\r")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_BLANKS = re.compile(rb"[ \t]+")
_EMPTY_LINES = re.compile(rb"(?:\n\r)*")
_SEALS = frozenset({b"arc-seal", b"arc-message-signature"})  # RFC 8617: their keys are where DKIM's are


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail, split for checking. `cut`: its header is over the limits, so no signature can be checked."""

    fields: tuple[tuple[bytes, bytes], ...]  # name, and value with its folds and a final CR LF
    body: bytes
    cut: bool
    _canonical: dict[Canonicalization, bytes] = field(default_factory=dict, repr=False, compare=False)

    def signatures(self) -> list[Signature | Malformed]:
        """The DKIM signatures, the topmost first, at most `MAX_SIGNATURES`."""
        found = [each for each in self.fields if each[0].lower() == b"dkim-signature"]
        return [signature(number, *each) for number, each in enumerate(found[:MAX_SIGNATURES], 1)]

    def signers(self) -> list[Signer]:
        """Whose keys have to be kept: of each DKIM signature, and of the ARC seals, each once."""
        found = [each.signer for each in self.signatures() if each.signer is not None]
        seals = [value for name, value in self.fields if name.lower() in _SEALS]
        return list(dict.fromkeys([*found, *_sealers(seals[:MAX_SIGNATURES])]))

    def count(self, name: bytes) -> int:
        """How many fields have this name, given in lower case."""
        return sum(1 for each, _ in self.fields if each.lower() == name)

    def from_domains(self) -> frozenset[str]:
        """The domains of the authors, in lower case; empty unless there is exactly one From field."""
        values = [value for name, value in self.fields if name.lower() == b"from"]
        if len(values) != 1:
            return frozenset()
        value = header_block.unfold(values[0].decode("utf-8", "replace"))
        # The address that readers are shown and every other one in the field: all must be answered for.
        found = {grammar.read([value], [], [], _LIMITS).author.address, *grammar.addresses_in([value])}
        return frozenset(address.rpartition("@")[2].lower().rstrip(".") for address in found)

    def canonical_body(self, how: Canonicalization) -> bytes:
        """The body that is hashed (RFC 6376, sections 3.4.3 and 3.4.4). Linear, whatever the body is."""
        if how not in self._canonical:
            body = self.body
            if how is Canonicalization.RELAXED:
                body = _BLANKS.sub(b" ", body).replace(b" \r\n", b"\r\n").removesuffix(b" ")
            self._canonical[how] = _without_last_empty_lines(body, how)
        return self._canonical[how]


def read(raw: bytes) -> Mail:
    """Split a mail. Line ends become CR LF, as they are on the wire; any bytes give a `Mail`."""
    block = header_block.read(raw, header_block.first_byte(raw), _LIMITS)
    fields = tuple((name, _LINE_END.sub(b"\r\n", value) + b"\r\n") for name, value in block.fields)
    return Mail(fields, _BARE_LF.sub(b"\r\n", raw[block.body :]), block.cut or block.field_cut)


def _sealers(values: list[bytes]) -> Iterator[Signer]:
    for value in values:
        try:
            yield signer(tags(value))
        except TagError:  # a seal is never judged here: without its names there is no key to keep
            continue


def _without_last_empty_lines(body: bytes, how: Canonicalization) -> bytes:
    """End the body in exactly one CR LF; an empty one is CR LF for `simple` and nothing for `relaxed`."""
    kept = body.rstrip(b"\r\n")
    rest = body[len(kept) :]
    ends = _EMPTY_LINES.match(rest[::-1])
    kept += rest[: len(rest) - (ends.end() if ends else 0)]
    if not kept and how is Canonicalization.RELAXED:
        return b""
    return kept + b"\r\n"
