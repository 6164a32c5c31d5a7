"""No expression of the room can be made to backtrack without end: a mail is written by anybody."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import re._parser as parser
from typing import TYPE_CHECKING, Any

import pytest

from watcher import cleaning

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTH = 30_000  # characters; quadratic work on them takes minutes, linear work milliseconds
Pattern = re.Pattern[Any]


def modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(cleaning.__path__, "watcher.cleaning."):
        yield importlib.import_module(found.name)


def patterns_in(value: object, depth: int = 3) -> Iterator[Pattern]:
    """The expressions that a module's constant holds, in containers and in compiled rules too."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict):
        for each in value.values():
            yield from patterns_in(each, depth - 1)
    elif depth and isinstance(value, (list, tuple, frozenset, set)):
        for each in value:
            yield from patterns_in(each, depth - 1)
    elif depth and type(value).__module__.startswith("watcher.cleaning"):
        names = getattr(type(value), "__slots__", None) or getattr(value, "__dict__", {})
        for name in names:
            yield from patterns_in(getattr(value, name, None), depth - 1)


def is_searched_with(module: Any, name: str) -> bool:
    """Whether a constant looks through texts; the others are held against a text from its beginning alone."""
    return (
        re.search(rf"\b{name}\.(?:search|finditer|findall|subn?|split)\b", inspect.getsource(module))
        is not None
    )


PATTERNS = {
    (pattern.pattern, pattern.flags): pytest.param(
        pattern, is_searched_with(module, name), id=f"{module.__name__}.{name}"
    )
    for module in modules()
    for name, value in vars(module).items()
    for pattern in patterns_in(value)
}


def pieces(parsed: Any) -> Iterator[str]:
    """A text for each part of an expression that may repeat, and for all that stands side by side."""
    whole = ""
    for operation, argument in parsed:
        found = list(part(operation, argument))
        yield from found
        whole += found[0] if found else ""
    if whole:
        yield whole


def part(operation: Any, argument: Any) -> Iterator[str]:
    match str(operation):
        case "LITERAL":
            yield chr(argument)
        case "NOT_LITERAL" | "ANY":
            yield "a" if argument != ord("a") else "b"
        case "IN":
            yield member(argument)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            yield from pieces(argument[2])
        case "SUBPATTERN":
            yield from pieces(argument[3])
        case "ATOMIC_GROUP":
            yield from pieces(argument)
        case "BRANCH":
            for each in argument[1]:
                yield from pieces(each)
        case "ASSERT" | "ASSERT_NOT":
            yield from pieces(argument[1])


def member(choices: Any) -> str:
    """A character that a class holds, or for a negated one a letter, which such classes do not name."""
    for operation, argument in choices:
        match str(operation):
            case "LITERAL":
                return chr(argument)
            case "RANGE":
                return chr(argument[0])
            case "CATEGORY":
                return {"SPACE": " ", "DIGIT": "7"}.get(str(argument).rpartition("_")[2], "a")
            case "NEGATE":
                return "a"
    return "a"


def attacks(pattern: Pattern) -> set[str]:
    """Each part again and again, alone and behind the beginning, and then something that does not fit."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    parts = list(dict.fromkeys(pieces(parser.parse(source, pattern.flags & ~re.UNICODE & ~re.DEBUG))))
    begin = parts[-1] if parts else ""
    repeated = {each * (LENGTH // len(each)) for each in (*parts, " ", "a", "0", "<", '="', "\n") if each}
    return {f"{start}{text}{end}" for text in repeated for start in ("", begin) for end in ("", "\x00!")}


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("pattern", "searches"), PATTERNS.values())
def test_an_expression_meets_its_worst_case(pattern: Pattern, *, searches: bool) -> None:
    """Whatever the parts of an expression are repeated to, it comes to an end, where it is used as it is."""
    for text in attacks(pattern):
        given = text if isinstance(pattern.pattern, str) else text.encode("latin-1", "replace")
        matches = [
            pattern.match(given),
            pattern.fullmatch(given),
            *(pattern.finditer(given) if searches else ()),
        ]
        assert all(match is None or match.end() <= len(given) for match in matches)


def test_the_expressions_are_found() -> None:
    """The search through the room reaches module constants, tables of rules and nested modules."""
    assert len(PATTERNS) > 100
