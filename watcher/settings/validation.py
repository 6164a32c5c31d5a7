"""A document against its model: the model, or every problem with its place and in our words.

pydantic's own text is never passed on: it quotes the input, and the input may be a password.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from pydantic import ValidationError

from watcher.settings.document import Document, Mapping, Node, Scalar, Sequence, plain
from watcher.settings.excerpt import Excerpts, may_be_named, model_below
from watcher.settings.fields import OURS
from watcher.settings.model import Model
from watcher.settings.problems import Place, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

_M = TypeVar("_M", bound=Model)
Loc: TypeAlias = tuple[int | str, ...]
"""The way to a setting: keys and list indexes from 0, as pydantic has it."""

_WORDING = {
    "missing": "is missing",
    "tuple_type": "must be a list, such as `[one, two]`",
    "model_type": "must be keys with values, such as `name: value`",
}

_ELSEWHERE = {
    "email": "username",
    "encryption": "security",
    "interval": "every",
    "login": "username",
    "mailbox": "folders",
    "mailboxes": "folders",
    "poll": "every",
    "pwd": "password",
    "server": "host",
    "ssl": "security",
    "starttls": "security",
    "tls": "security",
}
"""What other programs call our keys."""


class Checker(Generic[_M]):
    """Says what is wrong where, in one document that `model` describes."""

    def __init__(self, document: Document, model: type[_M]) -> None:
        self._document = document
        self._model = model
        self._excerpts: Excerpts | None = None  # made for the first problem: a file without any needs none

    def check(self) -> tuple[_M | None, list[Problem]]:
        """Return the model, None when the document does not fit it, and every problem found, in no order."""
        problems = list(self._flaws())
        root = self._document.root
        if root is None or (isinstance(root, Scalar) and root.text is None):
            message = f"the file is empty; the least that it can say is `{self._first_key}: []`"
            return None, [*problems, self.problem(Place(1, 1), message)]
        try:
            return self._model.model_validate(plain(root)), problems
        except ValidationError as error:
            flawed = {
                problem.place for problem in problems
            }  # what follows from a flaw is no problem of its own
            found = [problem for problem in self._translated(error) if problem.place not in flawed]
            return None, [*problems, *found]

    def items(self, key: str) -> list[tuple[int, Mapping]]:
        """Return the mappings in the list under a key of the top level, with their indexes."""
        listed = self._node((key,))
        items = listed.items if isinstance(listed, Sequence) else []
        return [(index, item) for index, item in enumerate(items) if isinstance(item, Mapping)]

    def text(self, loc: Loc) -> str | None:
        """Return the single value at `loc`; None when there is none."""
        node = self._node(loc)
        return node.text if isinstance(node, Scalar) else None

    def problem_at(self, loc: Loc, message: str) -> Problem:
        """Make a problem of the setting at `loc`, or of the nearest thing above it that is written."""
        return self.problem(self._find(loc)[0], message, _dotted(loc))

    def problem(self, place: Place, message: str, key: str = "") -> Problem:
        """Make a problem at `place`, with the line as it may be shown."""
        self._excerpts = self._excerpts or Excerpts(self._document, self._model)
        return Problem(self._document.path, message, place, key, self._excerpts.at(place))

    def _flaws(self) -> Iterator[Problem]:
        """Find what is valid YAML and still not used here, duplicate keys among it."""
        for flaw in self._document.flaws:
            yield self.problem(flaw.place, flaw.message)
        if self._document.root is not None:
            yield from self._repeated(self._document.root, self._model, "")

    def _translated(self, error: ValidationError) -> Iterator[Problem]:
        """Reword what pydantic found. A key that is missing because it is misspelt is one problem."""
        details = error.errors(include_input=False, include_url=False)
        unknown = [detail["loc"] for detail in details if detail["type"] == "extra_forbidden"]
        misspelt = {(*loc[:-1], _meant(self._model_at(loc), loc[-1])) for loc in unknown}
        for detail in details:
            loc, context = detail["loc"], detail.get("ctx", {})
            if detail["type"] == "extra_forbidden":
                yield self._unknown(loc)
                continue
            if at := context.get("at"):
                loc = (*loc[:-1], at)
            if loc not in misspelt or self._node(loc) is not None:
                yield self._reworded(detail["type"], loc, context)

    def _reworded(self, kind: str, loc: Loc, context: dict[str, Any]) -> Problem:
        message = context["message"] if kind == OURS else _WORDING.get(kind, "is not allowed here")
        place, value = self._find(loc)
        if kind == "tuple_type" and isinstance(value, Mapping):
            message = "must be a list: begin each item with `- `"
        if not loc:
            message = f"the file must hold keys with values, beginning with `{self._first_key}:`"
        elif kind == "model_type" and isinstance(value, Scalar) and value.text is None:
            message = "is empty: write what belongs below it, or delete the line"
        return self.problem(place, message, _dotted(loc))

    @property
    def _first_key(self) -> str:
        return next(key for key, field in self._model.model_fields.items() if field.is_required())

    def _unknown(self, loc: Loc) -> Problem:
        model, parent, name = self._model_at(loc), self._node(loc[:-1]), str(loc[-1])
        assert isinstance(parent, Mapping)  # noqa: S101  # only a mapping has unknown keys
        key, value = parent.pairs[name]
        nameable = may_be_named(model, key, value)
        meant = _meant(model, name)
        allowed = ", ".join(model.model_fields)
        if not nameable and ":" in name:
            hint = "a `:` needs a space behind it"
        elif meant:
            hint = f"did you mean `{meant}`?"
        else:
            hint = f"allowed here: {allowed}"
        shown = f"unknown key `{name}`" if nameable else "unknown key"
        return self.problem(key.start, f"{shown} ({hint})", _dotted(loc if nameable else loc[:-1]))

    def _repeated(self, node: Node, model: type[Model] | None, path: str) -> Iterator[Problem]:
        if isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                yield from self._repeated(item, model, f"{path}.{index}")
        elif isinstance(node, Mapping):
            for key, _ in node.repeated:
                first = node.pairs[key.text or ""][0].start.line
                known = model is not None and key.text in model.model_fields
                name = f"`{key.text}`" if known else "this key"
                yield self.problem(
                    key.start, f"{name} stands here twice, first in line {first}: delete one", path.strip(".")
                )
            for name, (_, value) in node.pairs.items():
                known = model is not None and name in model.model_fields
                below = model_below(model, name) if model is not None and known else None
                yield from self._repeated(value, below, f"{path}.{name}" if known else path)

    def _model_at(self, loc: Loc) -> type[Model]:
        """Return the model that has the last part of `loc` as a key, or lacks it."""
        model: type[Model] = self._model
        for part in loc[:-1]:
            if isinstance(part, str):
                model = model_below(model, part) or model
        return model

    def _node(self, loc: Loc) -> Node | None:
        node = self._document.root
        for part in loc:
            if isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
                node = node.items[part]
            elif isinstance(node, Mapping) and part in node.pairs:
                node = node.pairs[str(part)][1]
            else:
                return None
        return node

    def _find(self, loc: Loc) -> tuple[Place, Node | None]:
        """Find where to point: the value; its key when that is nothing; the mapping when it is not there."""
        node = self._node(loc)
        parent = self._node(loc[:-1]) if loc else None
        if isinstance(node, Scalar) and node.text is None and isinstance(parent, Mapping):
            return parent.pairs[str(loc[-1])][0].start, node
        if node is not None:
            return node.start, node
        return (self._find(loc[:-1])[0] if loc else Place(1, 1)), None


def _meant(model: type[Model], name: object) -> str:
    """Find the known key that an unknown one resembles; empty when none does."""
    written, known = str(name).lower(), model.model_fields
    shortened = [
        key for key in known if len(written) > 2 and (key.startswith(written) or written.startswith(key))
    ]
    named = [_ELSEWHERE[written]] if _ELSEWHERE.get(written) in known else []
    return next(iter([*named, *shortened, *get_close_matches(written, known, n=1, cutoff=0.6)]), "")


def _dotted(loc: Loc) -> str:
    return ".".join(str(part) for part in loc)
