"""What is fuzzed: a function of bytes that raises when a promise is broken. `.ci/fuzz` runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.hostile.attacks import ROOMS
from tests.support.promises import CONTEXT, keep, keep_html
from watcher.cleaning import Identity, Policy, clean
from watcher.cleaning.links.clean import _Case
from watcher.cleaning.links.rules import RULES
from watcher.cleaning.links.url import parse as parse_url
from watcher.demo import samples
from watcher.pipeline import derive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_LONGEST_SEED = 8_192
_LARGE = ("body-", "mime-breadth", "mime-depth")
_READER = Identity.of(CONTEXT.addresses)
_DECODERS = {
    (rule.decoder, rule.argument)
    for rules in (RULES.by_owner, RULES.by_first, RULES.by_segment, RULES.by_field)
    for found in rules.values()
    for rule in found
    if rule.decoder is not None
}
"""Each way to read a destination, with each argument that the rule files give it."""


def mail(data: bytes) -> None:
    """derive() of any bytes: a record, and all that is promised of one."""
    keep(derive(data, CONTEXT))


def markup(data: bytes) -> None:
    """The cleaning room of any text as HTML, with the same as the plain part."""
    text = data.decode("utf-8", "replace").replace("\0", "")
    cleaned = clean(text, text, _READER, Policy.UNWRAP)
    keep_html(cleaned.html)


def links(data: bytes) -> None:
    """One URL, past the boundary that `clean_url` has around its rules; then each decoder by itself."""
    text = data.decode("utf-8", "replace")
    _Case(text, _READER).judged()
    url = parse_url(text)
    if url is not None:
        for decoder, argument in _DECODERS:
            decoder(url, argument)


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {"mail": mail, "markup": markup, "links": links}


def seeds(target: str) -> Iterator[bytes]:
    """Inputs to begin with: our samples and our attacks, as far as they are small."""
    for raw in _mails():
        if target == "mail":
            yield raw[:_LONGEST_SEED]
        elif target == "markup":
            yield raw.partition(b"\r\n\r\n")[2][:_LONGEST_SEED]
        else:
            yield from (piece.split(b'"')[0][:_LONGEST_SEED] for piece in raw.split(b'href="')[1:20])


def _mails() -> Iterator[bytes]:
    yield from samples()
    for room, attacks in ROOMS.items():
        for attack in attacks():
            if not (room == "mime" and attack.name.startswith(_LARGE)):
                yield attack.make()
