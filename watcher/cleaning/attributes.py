"""What the attributes of an element say: its safe start tag, whether it is shown, what it would have loaded.

That is worked out once for equal attributes. A newsletter repeats a few dozen of them hundreds of times, and
the next issue of it repeats them again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from watcher.cleaning import css
from watcher.cleaning.document import Opening
from watcher.cleaning.elements import ATTRIBUTES, Kind, Role
from watcher.cleaning.rules import load
from watcher.record import Tracker

if TYPE_CHECKING:
    from watcher.cleaning.rules import NodeRule, Rules

Attributes = dict[str, str | None]
"""As the parser gives them: names in lower case, None for one without a value."""

_LOADING = {
    "background": "background",
    "poster": "poster",
    "action": "form",
    "data": "object",
    "src": "media",
}
_MAX_REMEMBERED = 5_000  # lists of attributes; then all are forgotten
_MAX_SIZE = 4_000  # characters of a list that is remembered: no mail may fill the memory


class Meaning:
    """What the attributes of an element say."""

    __slots__ = ("hidden", "hidden_in_outlook", "node", "noted", "opening", "trackers")

    def __init__(
        self,
        opening: Opening | None,
        node: NodeRule | None,
        trackers: list[Tracker],
        *,
        hidden: bool,
        in_outlook: bool,
    ) -> None:
        self.opening = opening  # None where the safe tag would say nothing
        self.node = node
        self.trackers = trackers
        self.hidden = hidden
        self.hidden_in_outlook = in_outlook
        self.noted = node is not None or bool(trackers) or hidden or in_outlook


class Meanings:
    """Works out what attributes say under a set of rules, and remembers it; the answer is the same."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._known: dict[tuple[object, ...], Meaning] = {}

    def of(self, kind: Kind, attributes: Attributes) -> Meaning:
        """What `attributes` say on an element of this kind; an anchor's `href` is no part of it."""
        href = attributes.pop("href", None) if kind.role is Role.ANCHOR else None
        key = (kind.tag, *attributes.items())
        known = self._known.get(key)
        if known is None:
            known = self._interpreted(kind, attributes)
            self._remember(key, known, attributes)
        if href is not None:
            attributes["href"] = href
        return known

    def _remember(self, key: tuple[object, ...], meaning: Meaning, attributes: Attributes) -> None:
        if sum([len(name) + len(value or "") for name, value in attributes.items()]) > _MAX_SIZE:
            return
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        self._known[key] = meaning

    def _interpreted(self, kind: Kind, attributes: Attributes) -> Meaning:
        style = attributes.get("style") or ""
        trackers = [
            Tracker("css", host, f"{kind.tag} style")
            for url in css.references(style)
            if (host := css.host_of(url))
        ]
        trackers.extend(
            Tracker(what, host, f"{kind.tag} {name}")
            for name, what in _LOADING.items()
            if name in attributes and (host := css.host_of(attributes[name] or ""))
        )
        return Meaning(
            _opening(kind, attributes, style),
            self.rules.node(kind.tag, attributes.get("class") or "", attributes.get("id") or ""),
            trackers,
            hidden=css.hides(style) or "hidden" in attributes,
            in_outlook="mso-hide" in style and css.hides_in_outlook(style),
        )


@lru_cache(maxsize=1)
def load_meanings() -> Meanings:
    """The one of this process, under the shipped rules."""
    return Meanings(load())


def _opening(kind: Kind, attributes: Attributes, style: str) -> Opening | None:
    """The safe start tag."""
    if not kind.name:
        return None
    # What these patterns and the style's allow-list let through holds no quote, no ampersand and no bracket.
    kept = "".join(
        [
            f' {name}="{value}"'
            for name, raw in attributes.items()
            if name in ATTRIBUTES and raw and ATTRIBUTES[name].fullmatch(value := raw.strip())
        ]
    )
    safe = css.safe_style(style) if style else ""
    if safe:
        kept += f' style="{safe}"'
    return Opening(kind.name, f"<{kind.name}{kept}>") if kept else kind.bare
