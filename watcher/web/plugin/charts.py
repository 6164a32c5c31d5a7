"""Charts as numbers for the templates: where each column, cell and mark of an axis stands.

They are drawn on the server, as SVG and as tables, and not by a script in the browser. So they are there
without JavaScript, in print and for a screen reader, they follow the colours of the day and the night, the
pages go on forbidding every script, and nothing has to be packaged with the archive.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate, pairwise
from math import log10
from typing import TYPE_CHECKING, Final

from watcher.web.plugin.wording import month_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WIDTH: Final = 720  # of a chart, in the units of its viewBox
HEIGHT: Final = 220
_LEFT, _TOP, _BOTTOM = 44, 10, 24  # room for the numbers at the side and the names below
_GROUND: Final = HEIGHT - _BOTTOM
_SHADES: Final = 8  # of a heat map
_NAMED: Final = 12  # names of the horizontal axis at most
_DAYS, _MONTHS = 31, 12  # that are shown at least: a column of its own is no picture of time


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a column; `series` is the number of its colour, from 1; `title` says what it is."""

    x: float
    y: float
    width: float
    height: float
    series: int
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A name at an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns over time, with the lines and names around them."""

    boxes: tuple[Box, ...]
    lines: tuple[Mark, ...]  # horizontal, with their numbers
    names: tuple[Mark, ...]  # below
    legend: tuple[str, ...]  # the series in their order; empty when there is one

    def __bool__(self) -> bool:
        return bool(self.boxes)


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a heat map; `shade` is 0 for nothing and at most 8."""

    number: int
    shade: int


def per_day(numbers: Mapping[str, int]) -> Columns:
    """Draw a column for each day between the first and the last of these (ISO 8601), a month at least."""
    days = sorted(day for text in numbers if (day := _day(text)) is not None)
    if not days:
        return Columns((), (), (), ())
    length = max((days[-1] - days[0]).days + 1, _DAYS)
    shown = [days[-1] - timedelta(each) for each in reversed(range(length))]
    columns = [(f"{day:%Y-%m-%d}", {"": numbers.get(day.isoformat(), 0)}) for day in shown]
    firsts = {each: f"{day:%Y-%m}" for each, day in enumerate(shown) if day.day == 1}
    return _columns(columns, [""], firsts)


def per_month(rows: Iterable[tuple[str, str, int]]) -> Columns:
    """Draw a column for each month, a year at least, stacked of series: (month, series, number) of each.

    The largest series come first, whatever `others` and `unknown` stand for come last.
    """
    months: dict[str, dict[str, int]] = {}
    sizes: dict[str, int] = {}
    for month, series, number in rows:
        months.setdefault(month, {})[series] = number
        sizes[series] = sizes.get(series, 0) + number
    last = ("others", "unknown")
    order = sorted(sizes, key=lambda name: (name in last and 1 + last.index(name), -sizes[name], name))
    shown = _months(sorted(months))
    return _columns([(month, months.get(month, {})) for month in shown], order, dict(enumerate(shown)))


def heat(numbers: Mapping[tuple[int, int], int]) -> list[list[Cell]]:
    """Shade the number of each weekday (1 is Monday) and hour: seven rows of 24 cells."""
    most = max(numbers.values(), default=0)
    return [
        [
            Cell(number, -(-number * _SHADES // most) if most else 0)
            for hour in range(24)
            for number in (numbers.get((weekday, hour), 0),)
        ]
        for weekday in range(1, 8)
    ]


def _columns(
    columns: Sequence[tuple[str, Mapping[str, int]]], order: Sequence[str], names: Mapping[int, str]
) -> Columns:
    """Draw columns of stacked series; `names` are the months that begin with a column, by its number."""
    most = max((sum(parts.values()) for _, parts in columns), default=0)
    if not most:
        return Columns((), (), (), ())
    step = _step(most)
    top = max(step, -(-most // step) * step)
    each = (WIDTH - _LEFT) / len(columns)
    gap = 1 if each < 8 else each / 6
    boxes = []
    for number, (name, parts) in enumerate(columns):
        heights = [parts.get(series, 0) * (_GROUND - _TOP) / top for series in order]
        floors = pairwise([0.0, *accumulate(heights)])
        for colour, (series, (lower, upper)) in enumerate(zip(order, floors, strict=True), 1):
            if upper > lower:
                title = f"{name}{': ' if series else ''}{series}: {parts[series]:,}"
                x, y = round(_LEFT + number * each + gap / 2, 2), round(_GROUND - upper, 2)
                boxes.append(Box(x, y, round(each - gap, 2), round(upper - lower, 2), colour, title))
    lines = tuple(
        Mark(round(_GROUND - value * (_GROUND - _TOP) / top, 2), f"{value:,}")
        for value in range(0, top + 1, step)
    )
    every = -(-len(names) // _NAMED)
    marks = tuple(
        Mark(round(_LEFT + number * each, 2), _month(month))
        for place, (number, month) in enumerate(names.items())
        if place % every == 0
    )
    return Columns(tuple(boxes), lines, marks, tuple(order) if len(order) > 1 else ())


def _step(most: int) -> int:
    """Return a round distance between three to six lines up to this number."""
    if most <= 4:
        return 1
    size: int = 10 ** int(log10(most / 4))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor * 5 >= most)


def _months(found: Sequence[str]) -> list[str]:
    """Return each month from the first to the last of these, or to the last of a year."""
    numbers = [int(year) * 12 + int(month) - 1 for year, month in (each.split("-") for each in found)]
    if not numbers:
        return []
    first = min(numbers[0], numbers[-1] - _MONTHS + 1)
    return [f"{each // 12}-{each % 12 + 1:02}" for each in range(first, numbers[-1] + 1)]


def _month(month: str) -> str:
    """Name a month in three letters; January and what is no month by the year."""
    name = month_name(month)
    return month[:4] if name.startswith("January") or name == month else name[:3]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
