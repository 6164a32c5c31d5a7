"""The subscriber: who must not be found in anything that comes out, in clear or encoded.

An `Identity` is made of the inbox's addresses, the recipients of one message and the names that its settings
list. `carried_by` tells whether a URL names him in any decoded view (see `watcher.cleaning.views`), `redact`
takes him out of text. Only the whole address counts: a local part or a domain alone identifies nobody.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote

from watcher.cleaning.views import Needles, name_pattern, needles, readable, runs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watcher.cleaning.addresses import Written

REDACTED = "[redacted]"

_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_DISGUISED = re.compile(f"[{_INVISIBLE}]")
_DISGUISED_RUN = re.compile(
    # From the beginning of a run, and never back into it: a mail may be one long word.
    rf"(?<![\w.+=@%-])[\w.+=@%-]*+(?:(?:&#x?[0-9a-f]{{1,6}};|[{_INVISIBLE}])[\w.+=@%-]*+)+",
    re.IGNORECASE,
)
_DELETED = dict.fromkeys(map(ord, _INVISIBLE))


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Who reads the mail. Equal, hashable and picklable by its addresses and names; make it with `of`."""

    addresses: tuple[str, ...] = ()  # lower case, sorted
    names: tuple[str, ...] = ()
    _needles: Needles | None = field(default=None, compare=False)  # None: there is nobody to look for

    @classmethod
    def of(cls, addresses: Iterable[str], names: Iterable[str] = ()) -> Self:
        """Compile an identity. What is no address (`undisclosed-recipients:;`) is passed over."""
        trimmed = {raw.strip().strip("<>").lower() for raw in addresses}
        found = tuple(sorted(filter(_is_address, trimmed)))
        called = tuple(sorted({" ".join(raw.split()) for raw in names if len(raw.strip()) > 1}))
        return cls(found, called, needles(found, called) if found or called else None)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to another process as addresses and names; the needles are prepared (once) over there."""
        return Identity.of, (self.addresses, self.names)

    def __repr__(self) -> str:
        """Say how much is known, never who it is: a repr ends up in logs."""
        return f"<Identity: {len(self.addresses)} addresses, {len(self.names)} names>"

    def __bool__(self) -> bool:
        """Whether there is anybody to look for."""
        return self._needles is not None

    def carried_by(self, url: str) -> bool:
        """Tell whether any decoded view of the URL holds an address, a hash of it, or a name.

        In host and path a name of one word means somebody else as often as the reader, so only names of two
        words count there; in query and fragment, and inside decoded tokens, all names do.
        """
        if self._needles is None:
            return False
        if self._needles.found_in(_encoded(url)):
            return True
        if not self.names:
            return False
        base, mark, rest = url.partition("?")
        if not mark:
            base, mark, rest = url.partition("#")
        every, long = _names(self.names)
        return self._named_in(base, long) or self._named_in(rest, every)

    def redact(self, text: str) -> tuple[str, int]:
        """Replace every visible or encoded occurrence by `[redacted]`; return the text and their number."""
        if self._needles is None or not text:
            return text, 0
        count = 0
        if self.addresses:
            if "&#" in text or not (text.isascii() or _DISGUISED.search(text) is None):
                text, found = _undisguised(text, self._needles.written)
                count += found
            data = _encoded(text)
            if self._needles.might_be_written_in(text, data):
                text, found = self._needles.written.replaced(text, REDACTED)
                count += found
                data = _encoded(text)
            text, found = self._without_tokens(text, data)
            count += found
        every, _ = _names(self.names)
        if every is not None:
            text, found = every.subn(REDACTED, text)
            count += found
        return text, count

    def _named_in(self, text: str, name: re.Pattern[str] | None) -> bool:
        if name is None or not text or self._needles is None:
            return False
        text = readable(_encoded(text))
        low = text.lower()
        return any(word.decode() in low for word in self._needles.words) and name.search(text) is not None

    def _without_tokens(self, text: str, data: bytes) -> tuple[str, int]:
        """Redact what holds an address encoded: of a run with separators, only the pieces that do."""
        done = count = 0
        pieces: list[bytes] = []
        for start, end in runs(data, min(len(address) for address in self.addresses)):
            if self._needles is not None and self._needles.found_in(data[start:end]):
                kept, found = self._cut(data[start:end].decode("ascii"))
                pieces += [data[done:start], kept.encode()]
                done, count = end, count + found
        if not count:
            return text, 0
        return b"".join([*pieces, data[done:]]).decode("utf-8", "surrogatepass"), count

    def _cut(self, run: str) -> tuple[str, int]:
        parts = re.split(r"([/=](?=[^/=]))", run)
        held = [self._held(part) for part in parts]
        if not any(held):
            return REDACTED, 1
        return "".join(REDACTED if hit else part for hit, part in zip(held, parts, strict=True)), sum(held)

    def _held(self, text: str) -> bool:
        return self._needles is not None and self._needles.found_in(_encoded(text))


def _is_address(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    return bool(local and domain) and not any(character.isspace() for character in text)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _undisguised(text: str, written: Written) -> tuple[str, int]:
    """Redact addresses with letters written as character references, or with invisible ones between."""
    count = 0

    def replaced(match: re.Match[str]) -> str:
        nonlocal count
        decoded, found = written.replaced(unquote(html.unescape(match[0]).translate(_DELETED)), REDACTED)
        count += found
        return decoded if found else match[0]

    return _DISGUISED_RUN.sub(replaced, text), count


@lru_cache(maxsize=256)
def _names(names: tuple[str, ...]) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """Write expressions for all names, and for those of two words or more."""
    return name_pattern(names), name_pattern(name for name in names if " " in name)
