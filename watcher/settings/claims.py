"""Where senders.yaml says what a sender is known by: for reports that come from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.settings import fields, senders_model
from watcher.settings.document import Mapping, Scalar, Sequence, read
from watcher.settings.excerpt import known_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watcher.settings.document import Node
    from watcher.settings.problems import Place


@dataclass(frozen=True, slots=True)
class Claim:
    """One mark of one sender, as written. An alias is an address of the subscriber: `private`."""

    slug: str
    key: str  # `list_ids`, `aliases`, `accounts`, `addresses` or `domains`
    text: str
    place: Place
    private: bool


def claims(path: Path) -> list[Claim]:
    """Every mark in a senders.yaml that is valid, in the order of the file. Raises `SettingsError`."""
    root = read(path, known_keys(senders_model.SendersFile)).root
    return [claim for sender in _items(_value(root, "senders")) for claim in _of(sender)]


def _of(sender: Node) -> Iterator[Claim]:
    slug = _text(_value(sender, "slug")) or fields.slugified(_text(_value(sender, "name")))
    match = _value(sender, "match")
    for key in senders_model.Match.model_fields:
        for item in _items(_value(match, key)):
            if isinstance(item, Scalar) and item.text is not None:
                private = key in senders_model.Match.private
                yield Claim(slug, key, item.text, item.start, private)


def _value(node: Node | None, key: str) -> Node | None:
    return node.pairs.get(key, (None, None))[1] if isinstance(node, Mapping) else None


def _items(node: Node | None) -> list[Node]:
    return node.items if isinstance(node, Sequence) else []


def _text(node: Node | None) -> str:
    return node.text or "" if isinstance(node, Scalar) else ""
