"""A YAML 1.2 file as a tree of texts, each with its place.

The tree is built from ruamel.yaml's events, before any value is made: so duplicate keys are seen with both
places, aliases are refused before they can multiply, and `06`, `no` and `2024-13-01` are what the file says,
text, until the type of the setting decides.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from watcher.settings.problems import Place, Problem, SettingsError
from watcher.settings.syntax import ALIAS, ANCHOR, explain, of_broken_line

if TYPE_CHECKING:
    from collections.abc import Mapping as Keys
    from pathlib import Path

    from ruamel.yaml.events import Event

_MOST_BYTES = 16_000_000
"""Thousands of inboxes or senders; more is a wrong file."""
_DEEPEST = 20
"""Levels of nesting; our files have five."""
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what ruamel.yaml counts as one
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value as written; `text` is None for nothing, `~` and `null`."""

    text: str | None
    start: Place
    end: Place


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    start: Place
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with values. A key that is written twice is here once, with its first value, and is a problem."""

    start: Place
    pairs: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)
    repeated: list[tuple[Scalar, Node]] = field(default_factory=list)


Node: TypeAlias = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something about the YAML itself that our files do not use; the tree goes on behind it."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """A file that is YAML. `root` is None when nothing but comments is in it."""

    path: Path
    lines: tuple[str, ...]
    root: Node | None
    flaws: tuple[Flaw, ...]


def read(path: Path, keys: Keys[str, bool]) -> Document:
    """Read the document in `path`.

    Raises `SettingsError` when there is no file, or it is not UTF-8, or not YAML. `keys` has each key
    that the file may hold, and whether its value may be shown.
    """
    text = _decode(path, _content(path))
    lines = tuple(_LINE_BREAK.split(text))
    builder = _Builder()
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except _Refused as refusal:
        place, message = refusal.flaw.place, refusal.flaw.message
    except ReaderError as error:
        place = _place_at(text, error.position)
        message = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML: delete it"
    except MarkedYAMLError as error:
        place, message = explain(error, lines)
    except YAMLError:
        place, message = Place(1, 1), "this is not YAML"
    else:
        return Document(path, lines, builder.root, tuple(builder.flaws))
    excerpt = of_broken_line(lines[place.line - 1] if place.line <= len(lines) else "", place.column, keys)
    raise SettingsError([Problem(path, message, place, excerpt=excerpt)])


def plain(node: Node | None) -> Any:
    """Return the node as dicts, lists, texts and None."""
    match node:
        case Mapping():
            return {key: plain(value) for key, (_, value) in node.pairs.items()}
        case Sequence():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.text
        case None:
            return None


class _Refused(Exception):  # noqa: N818  # it never leaves this module
    """The reading ends here."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.flaw = Flaw(place, message)


class _Builder:
    """Turns the stream of events into nodes, noting what our files do not use."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.flaws: list[Flaw] = []
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Scalar | None] = []  # of each open node: the key that waits for its value
        self._documents = 0

    def take(self, event: Event) -> None:
        """Take one event, in the order of the file."""
        match event:
            case ScalarEvent():
                self._note_properties(event)
                nothing = event.style is None and event.value in _NULLS
                self._attach(Scalar(None if nothing else event.value, _start(event), _end(event)))
            case MappingStartEvent() | SequenceStartEvent():
                self._note_properties(event)
                if len(self._open) == _DEEPEST:
                    raise _Refused(_start(event), "this is nested too deeply: is a bracket left open?")
                node = (
                    Mapping(_start(event))
                    if isinstance(event, MappingStartEvent)
                    else Sequence(_start(event))
                )
                self._open.append(node)
                self._keys.append(None)
            case MappingEndEvent() | SequenceEndEvent():
                self._keys.pop()
                self._attach(self._open.pop())
            case AliasEvent():
                self.flaws.append(Flaw(_start(event), ALIAS))
                self._attach(Scalar(None, _start(event), _end(event)))
            case DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _Refused(
                        _start(event), "a second document begins here: one file holds one, without `---`"
                    )

    def _note_properties(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> None:
        if event.anchor is not None:
            self.flaws.append(Flaw(_start(event), ANCHOR))
        if event.tag is not None:
            self.flaws.append(Flaw(_start(event), "tags (`!name`) are not used here: write the value alone"))

    def _attach(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = self._key(node)
        else:
            self._keys[-1] = None
            first = parent.pairs.setdefault(key.text or "", (key, node))
            if first[0] is not key:
                parent.repeated.append((key, node))

    def _key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar):
            return node
        self.flaws.append(Flaw(node.start, "a key must be a single word, not a list or a mapping"))
        return Scalar(None, node.start, node.start)


def _start(event: Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _end(event: Event) -> Place:
    return Place(event.end_mark.line + 1, event.end_mark.column + 1)


def _content(path: Path) -> bytes:
    """Read the bytes. Devices, pipes and folders are no settings files: reading one may never end."""
    try:
        if path.is_dir():
            raise SettingsError([Problem(path, "this is a folder; name the file in it")])
        if path.exists() and not path.is_file():
            raise SettingsError([Problem(path, "this is not a regular file")])
        if path.stat().st_size > _MOST_BYTES:
            raise SettingsError(
                [Problem(path, f"this has more than {_MOST_BYTES:,} bytes; is it the right file?")]
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise SettingsError(
            [Problem(path, "there is no such file; `watcher init` writes one to start from")]
        ) from None
    except PermissionError:
        message = "this file may not be read by the user who runs the watcher: change its owner or its mode"
        raise SettingsError([Problem(path, message)]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a file name"
        raise SettingsError([Problem(path, f"this file cannot be read: {reason}")]) from None


def _decode(path: Path, content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SettingsError([Problem(path, "the file is UTF-16; save it as UTF-8", Place(1, 1))])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        message = f"the byte 0x{content[error.start]:02X} is not UTF-8; save the file as UTF-8"
        raise SettingsError([Problem(path, message, _place_at(before, len(before)))]) from None


def _place_at(text: str, offset: int) -> Place:
    before = _LINE_BREAK.split(text[:offset])
    return Place(len(before), len(before[-1]) + 1)
