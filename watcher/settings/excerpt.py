"""The line of a problem as it may be shown: values that may be secret, and everything unknown, are hidden.

What is shown is decided from what is certainly harmless, never from what looks secret: a known key, and a
value that its model does not call private. Comments are left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, get_args

from watcher.settings.document import Mapping, Scalar, Sequence
from watcher.settings.model import Model
from watcher.settings.problems import Excerpt
from watcher.settings.syntax import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.settings.document import Document, Node
    from watcher.settings.problems import Place

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,40}")
_USER_INFO = re.compile(r"://[^/]*@")  # a URL that carries a password (RFC 3986, section 3.2.1)
_STRUCTURE = frozenset(" \t-:,?[]{}")


@dataclass(frozen=True, slots=True)
class _Span:
    """A scalar, and whether it may be shown."""

    scalar: Scalar
    shown: bool


def may_be_named(model: type[Model], key: Scalar, value: Node) -> bool:
    """Whether an unknown key may be repeated in a message. `{hunter2}` is a key without a value in YAML."""
    if model.unnamed or key.text is None or not _NAME.fullmatch(key.text):
        return False
    return not (isinstance(value, Scalar) and value.text is None)


@cache
def model_below(model: type[Model], key: str) -> type[Model] | None:
    """Return the model of the value of `key`, or of each item when it is a list; None for plain values."""
    return _model_in(model.model_fields[key].annotation)


@cache
def known_keys(model: type[Model]) -> dict[str, bool]:
    """Every key in the file that `model` describes, and whether its value may be shown."""
    keys: dict[str, bool] = {}
    for key in model.model_fields:
        below = model_below(model, key)
        nested = known_keys(below) if below else {}
        for name, shown in {key: key not in model.private, **nested}.items():
            keys[name] = keys.get(name, True) and shown
    return keys


class Excerpts:
    """The lines of one document that `model` describes, as they may be shown."""

    def __init__(self, document: Document, model: type[Model]) -> None:
        self._lines = document.lines
        self._spans: defaultdict[int, list[_Span]] = defaultdict(list)  # by line
        for span in _spans(document.root, model) if document.root is not None else ():
            for line in range(span.scalar.start.line, span.scalar.end.line + 1):
                self._spans[line].append(span)

    def at(self, place: Place) -> Excerpt | None:
        """Return the line at `place` with a caret; None when the file has no such line."""
        if place.line > len(self._lines):
            return None
        line = self._lines[place.line - 1]
        shown, caret, done = "", 0, 0
        for span in sorted(self._spans[place.line], key=lambda each: each.scalar.start):
            scalar = span.scalar
            begin = scalar.start.column - 1 if scalar.start.line == place.line else 0
            end = scalar.end.column - 1 if scalar.end.line == place.line else len(line)
            if end <= begin:
                continue
            shown += _structure(line[done:begin])
            if place.column > begin:
                caret = len(shown) + (min(place.column - 1, end) - begin if span.shown else 0)
            shown += line[begin:end] if span.shown else HIDDEN
            done = end
        rest = _structure(line[done:])
        if place.column > done:
            caret = len(shown) + min(place.column - 1 - done, len(rest))
        return Excerpt((shown + rest).rstrip(), caret)


def _structure(gap: str) -> str:
    """Keep of what stands between two scalars YAML's own punctuation, and no comment."""
    return "".join(char if char in _STRUCTURE else " " for char in gap.partition("#")[0])


def _spans(node: Node, model: type[Model] | None, *, shown: bool = False) -> Iterator[_Span]:
    """Find the scalars of a node. `model` describes it when it is a mapping, or its items when it is a list.

    A lone scalar where a mapping belongs is anything, so it is hidden.
    """
    if isinstance(node, Scalar):
        harmless = shown and model is None and not _USER_INFO.search(node.text or "")
        yield _Span(node, harmless)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _spans(item, model, shown=shown)
    else:
        yield from _pair_spans(node, model)


def _pair_spans(node: Mapping, model: type[Model] | None) -> Iterator[_Span]:
    for key, value in (*node.pairs.values(), *node.repeated):
        known = model is not None and key.text in model.model_fields
        yield _Span(key, known or (model is not None and may_be_named(model, key, value)))
        if model is not None and known and key.text is not None:
            yield from _spans(value, model_below(model, key.text), shown=key.text not in model.private)
        else:
            yield from _spans(value, None)


def _model_in(annotation: object) -> type[Model] | None:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
