"""New entries for senders.yaml, written behind those that are there.

The text that is there is not touched: comments, order and layout are its author's. ruamel.yaml says where
the list ends and writes the new entries; the whole is read back and checked before it replaces the file.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import ScalarNode

from watcher.settings.loading import load_senders_file
from watcher.settings.problems import Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from watcher.settings.senders_csv import Entry
    from watcher.settings.values import SenderSettings

EMPTY = "# yaml-language-server: $schema=./senders.schema.json\nsenders: []\n"
"""A file without senders, for where there is none yet."""

_KEY = "senders"
_ENTRY = re.compile(r"senders\.(\d+)(?:\.(.*))?")
_LINE = re.compile(r" in line \d+")
_CLAIM = re.compile(r"the sender `([^`]*)` claims the same in line (\d+)")
_WIDEST = 1_000_000  # a value is one line, however long


@dataclass(frozen=True, slots=True)
class Addition:
    """What an import adds: the text of the new file, and of the new entries alone."""

    path: Path
    text: str
    entries: tuple[Entry, ...]
    shown: str  # the entries as YAML
    present: tuple[
        Entry, ...
    ]  # left out: their slugs are in the file already, or stand further up in the CSV

    def write(self) -> None:
        """Replace the file, at once or not at all. Raises `OSError`."""
        _replace(self.path, self.text)


def addition(path: Path, entries: Sequence[Entry], source: Path) -> Addition:
    """Work out what `entries`, read from `source`, add to the senders.yaml at `path`, which need not exist.

    Raises `SettingsError`: for a file that is not valid as it is, at its own lines; for what would make it
    invalid, at the cells of `source`.
    """
    known: set[str] = set()
    count = 0
    if path.exists():
        there = load_senders_file(path)
        known, count = {each.slug for each in there}, len(there)
        text = path.read_bytes().decode("utf-8")
    else:
        text = EMPTY
    new: list[Entry] = []
    present: list[Entry] = []
    for entry in entries:
        (present if entry.slug and entry.slug in known else new).append(entry)
        known.add(entry.slug)
    shown = entries_as_yaml([each.values for each in new])
    added = _spliced(text, new, shown) if new else text
    checked = _check(path, added, new, count, source)
    assert len(checked) == count + len(new)  # noqa: S101  # else the splice would have lost something
    return Addition(path, added, tuple(new), shown, tuple(present))


def entries_as_yaml(entries: Iterable[Mapping[str, Any]], *, indent: int = 2) -> str:
    """Write entries as they stand below `senders:`; lists of marks in one line, what needs quotes quoted."""
    items = CommentedSeq(_commented(each) for each in entries)
    if not items:
        return ""
    text = _dumped(items)
    return "".join(" " * indent + line if line.strip() else line for line in text.splitlines(keepends=True))


def _commented(values: Mapping[str, Any]) -> CommentedMap:
    made = CommentedMap()
    for key, value in values.items():
        if isinstance(value, (list, tuple)):
            made[key] = CommentedSeq(value)
            made[key].fa.set_flow_style()
        else:
            made[key] = _commented(value) if hasattr(value, "items") else value
    return made


def _dumped(value: CommentedSeq) -> str:
    yaml = YAML()
    yaml.width = _WIDEST
    out = io.StringIO()
    yaml.dump(value, out)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class _List:
    """The value of the key `senders` in a text: where it begins and ends, as offsets."""

    flow: bool  # in brackets, or nothing at all
    empty: bool
    start: int
    end: int
    last: int  # where the last item ends
    column: int  # of the hyphens


def _find(text: str) -> _List:
    """Find the list. The text has been checked: there is one document, a mapping with this key."""
    root = YAML(typ="safe", pure=True).compose(text)
    key, node = next(pair for pair in root.value if pair[0].value == _KEY)
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, ScalarNode):
        if start == end:  # nothing at all: the mark may be behind comments
            start = end = text.index(":", key.end_mark.index) + 1
        return _List(True, True, start, end, end, 0)
    last = _end(node.value[-1]) if node.value else end
    return _List(bool(node.flow_style), not node.value, start, end, last, node.start_mark.column)


def _end(node: Any) -> int:
    """Where the text of a node ends. The mark of a block is behind the comments that follow it."""
    if isinstance(node, ScalarNode) or node.flow_style:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def _spliced(text: str, new: Sequence[Entry], shown: str) -> str:
    """Put the entries behind the last one."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(mark)
    newline = "\r\n" if "\r\n" in text else "\n"
    found = _find(text)
    if found.flow and not found.empty:
        flow = CommentedSeq(_commented(each.values) for each in new)
        flow.fa.set_flow_style()
        return f"{mark}{text[: found.last]}, {_dumped(flow).strip()[1:-1]}{text[found.last :]}"
    if found.flow:  # `[]`, or nothing at all
        before = text[: found.start].rstrip(" ")
        line_end = _line_end(text, found.end)
        rest = text[found.end : line_end]
        head = before + (rest if rest.strip() else "")
        return mark + _joined(head, shown, text[line_end:], newline)
    at = _after_comments(text, _line_end(text, found.last), found.column)
    block = entries_as_yaml([each.values for each in new], indent=found.column)
    return mark + _joined(text[:at], block, text[at:], newline)


def _line_end(text: str, offset: int) -> int:
    """Where the line of an offset ends, before its line break."""
    found = re.compile(r"\r?\n|\Z").search(text, offset)
    return found.start() if found is not None else len(text)


def _after_comments(text: str, at: int, column: int) -> int:
    """Where the comments end that are indented below the last entry and so belong to it."""
    pattern = re.compile(rf"\r?\n[ ]{{{column + 1},}}#[^\r\n]*")
    while (comment := pattern.match(text, at)) is not None:
        at = comment.end()
    return at


def _joined(before: str, block: str, after: str, newline: str) -> str:
    block = block.rstrip("\n").replace("\n", newline)
    return f"{before}{newline}{block}{after or newline}"


def _check(
    path: Path, text: str, new: Sequence[Entry], count: int, source: Path
) -> tuple[SenderSettings, ...]:
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / path.name
        trial.write_bytes(text.encode())
        try:
            return load_senders_file(trial)
        except SettingsError as error:
            raise SettingsError(
                _at_the_source(each, new, count, source, path) for each in error.problems
            ) from None


def _at_the_source(problem: Problem, new: Sequence[Entry], count: int, source: Path, path: Path) -> Problem:
    """Tell a problem of the new file at the cell that it came from."""
    found = _ENTRY.fullmatch(problem.key)
    index = int(found[1]) - count if found is not None else -1
    if found is None or index < 0:
        return replace(problem, path=path)
    entry = new[index]
    claim = _CLAIM.search(problem.message)
    first = next((each for each in new if claim is not None and each.slug == claim[1]), None)
    where = f"{claim[2] if claim else ''} of {path}" if first is None else f"{first.place.line} of {source}"
    message = _LINE.sub(f" in line {where}", problem.message)
    return Problem(source, message, entry.at(found[2] or ""), found[2] or "")


def _replace(path: Path, text: str) -> None:
    """Write a file beside `path` and rename it over it, with the owner and the mode of the old one."""
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _like_before(path, descriptor)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _like_before(path: Path, descriptor: int) -> None:
    try:
        before = path.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, 0o644)
        return
    os.fchmod(descriptor, before.st_mode & 0o7777)
    with suppress(PermissionError):  # only root may give a file away; one's own file stays one's own
        os.fchown(descriptor, before.st_uid, before.st_gid)
