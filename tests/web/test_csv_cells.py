"""CSV that a spreadsheet can open: no formula of a stranger's, and nothing else changed."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import record
from tests.support.web import serving
from watcher.record import Author
from watcher.store import Store
from watcher.web.plugin.csv_cells import Records, defused

if TYPE_CHECKING:
    from pathlib import Path

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "|cmd", "\uff1d1", "-", "--1"]
HARMLESS = ["", "a=b", "-3", "+3.25", "-1e-5", "1-2", "2026-01-01", "a@b.example", "'=1", "Größe"]


@pytest.mark.parametrize("cell", FORMULAS)
def test_what_would_be_a_formula_gets_an_apostrophe(cell: str) -> None:
    """Also behind white space, and with the full-width signs that some spreadsheets read."""
    assert defused(cell) == "'" + cell


@pytest.mark.parametrize("cell", HARMLESS)
def test_everything_else_stays_as_it_is(cell: str) -> None:
    """Numbers with a sign are numbers."""
    assert defused(cell) == cell


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2)
    ),
    st.integers(1, 9),
)
def test_records_come_out_whole_whatever_the_pieces(rows: list[list[str]], size: int) -> None:
    """For any cells, and pieces of any size: the same records, each cell defused."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    raw = out.getvalue().encode()
    records = Records()
    pieces = [raw[begin : begin + size] for begin in range(0, len(raw), size)]
    answer = b"".join(records.feed(piece, last=False) for piece in pieces) + records.feed(b"", last=True)
    found = list(csv.reader(io.StringIO(answer.decode(), newline="")))
    assert found == [[defused(cell) for cell in row] for row in rows]


def test_csv_of_tables_and_queries_is_defused(tmp_path: Path) -> None:
    """Looked at or downloaded, of a table or of a query, all rows or one page; JSON tells the exact text."""
    path = tmp_path / "newsletters.db"
    hostile = replace(record(subject="=HYPERLINK(0)"), author=Author('@a"\n=b', "n@a.example", "a.example"))
    with Store.open(path) as store:
        store.write([(number, hostile) for number in range(1, 300)])
    with serving(path) as web:
        for address in (
            "/newsletters/newsletters.csv?_size=max",
            "/newsletters/newsletters.csv?_stream=1&_dl=1",
            "/newsletters.csv?sql=select subject, from_name from newsletters",
        ):
            rows = list(csv.DictReader(io.StringIO(web.get(address).text, newline="")))
            assert len(rows) >= 299, address
            assert {(row["subject"], row["from_name"]) for row in rows} == {
                ("'=HYPERLINK(0)", "'@a\"\n=b")
            }, address
        assert "=HYPERLINK(0)" in web.get("/newsletters/newsletters.json?_shape=array").text
        assert "'=HYPERLINK" not in web.get("/newsletters/newsletters.json?_shape=array").text
        assert web.get("/newsletters/nothing.csv").status == 404
