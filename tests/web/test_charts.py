"""Where columns, cells and marks stand: geometry, without a browser."""

from __future__ import annotations

import itertools

import pytest

from watcher.web.plugin.charts import HEIGHT, WIDTH, heat, per_day, per_month


def test_a_day_without_mail_has_its_place_and_no_column() -> None:
    """The third day stands two steps to the right of the first; the highest column is not cut off."""
    chart = per_day({"2026-01-30": 2, "2026-02-01": 3})
    first, third = chart.boxes
    assert (first.title, third.title) == ("2026-01-30: 2", "2026-02-01: 3")
    width = (WIDTH - 44) / 31
    assert third.x + third.width == pytest.approx(WIDTH, abs=width)
    assert third.x - first.x == pytest.approx(2 * width, abs=0.1)
    assert third.height == pytest.approx(first.height * 1.5, abs=0.1)
    assert 0 < third.y < third.y + third.height < HEIGHT
    assert [mark.label for mark in chart.names] == ["Feb"]  # 2 January is the first day that is shown
    assert chart.legend == ()


@pytest.mark.parametrize(
    ("most", "lines"),
    [
        (1, ["0", "1"]),
        (4, ["0", "1", "2", "3", "4"]),
        (5, ["0", "1", "2", "3", "4", "5"]),
        (17, ["0", "5", "10", "15", "20"]),
        (299, ["0", "100", "200", "300"]),
        (8_120, ["0", "2,000", "4,000", "6,000", "8,000", "10,000"]),
    ],
)
def test_lines_stand_at_round_numbers(most: int, lines: list[str]) -> None:
    """Two to six of them, the uppermost not below the highest column."""
    assert [mark.label for mark in per_day({"2026-01-01": most}).lines] == lines


def test_months_are_stacked_largest_first_and_the_rest_last() -> None:
    """The legend has the order of the stack: by size, then the others, then what is not known."""
    rows = [("2026-01", "unknown", 9), ("2026-01", "A", 1), ("2026-01", "others", 20)]
    chart = per_month([*rows, ("2026-02", "A", 1), ("2026-02", "B", 3)])
    assert chart.legend == ("B", "A", "others", "unknown")
    january = [box for box in chart.boxes if box.title.startswith("2026-01")]
    assert [box.title for box in january] == ["2026-01: A: 1", "2026-01: others: 20", "2026-01: unknown: 9"]
    for lower, upper in itertools.pairwise(january):
        assert upper.y + upper.height == pytest.approx(lower.y, abs=0.02)
    assert [mark.label for mark in chart.names][-3:] == ["Dec", "2026", "Feb"]


def test_a_month_without_mail_has_its_place() -> None:
    """Between November and January there is December, and a year is shown at least."""
    chart = per_month([("2025-11", "A", 2), ("2026-01", "A", 1)])
    november, january = chart.boxes
    assert january.x - november.x == pytest.approx(2 * (WIDTH - 44) / 12, abs=0.1)
    assert [mark.label for mark in chart.names][-3:] == ["Nov", "Dec", "2026"]


def test_long_times_are_not_crowded_with_names() -> None:
    """Of 24 months every second one is named."""
    months = [f"{2024 + each // 12}-{each % 12 + 1:02}" for each in range(24)]
    assert len(per_month([(month, "A", 1) for month in months]).names) == 12


def test_nothing_is_drawn_of_nothing() -> None:
    """No days, or none that is one, give no chart."""
    assert not per_day({})
    assert not per_day({"": 3})
    assert not per_month([])
    assert {cell.shade for row in heat({}) for cell in row} == {0}


def test_the_heat_map_shades_each_hour_by_its_share() -> None:
    """The busiest hour is darkest, whatever has any mail is not empty."""
    cells = heat({(1, 0): 1, (7, 23): 1000, (3, 12): 500})
    assert (len(cells), {len(row) for row in cells}) == (7, {24})
    assert [cells[0][0].shade, cells[6][23].shade, cells[2][12].shade, cells[1][1].shade] == [1, 8, 4, 0]
