"""CSV files of senders: columns, cells, and where a problem is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watcher.settings.problems import Place, SettingsError
from watcher.settings.senders_csv import Entry, read_senders

if TYPE_CHECKING:
    from pathlib import Path


def read(tmp_path: Path, text: str | bytes) -> list[Entry]:
    path = tmp_path / "senders.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_senders(path)


def test_a_row_becomes_an_entry_in_the_order_of_the_settings(tmp_path: Path) -> None:
    """Every column has its key; a slug is made from the name; what is empty is left out."""
    (entry,) = read(
        tmp_path,
        "domain,address,account,alias,list_id,source,website,office,locality,country,party,kind,name\r\n"
        "example.org,,mailchimp:abc,me+a,l.example.org,,https://example.org/,Mayor,North,X,P,ngo,A Name\r\n",
    )
    assert list(entry.values.items()) == [
        ("name", "A Name"),
        ("slug", "a-name"),
        ("kind", "ngo"),
        ("party", "P"),
        ("country", "X"),
        ("locality", "North"),
        ("office", "Mayor"),
        ("website", "https://example.org/"),
        (
            "match",
            {
                "list_ids": ["l.example.org"],
                "aliases": ["me+a"],
                "accounts": ["mailchimp:abc"],
                "domains": ["example.org"],
            },
        ),
    ]
    assert entry.at("match.domains.0") == Place(2, 1)
    assert entry.at("website") == Place(2, 48)
    assert entry.at("slug") == Place(2, 89)
    assert entry.at("") == Place(2, 1)


VALUES = [
    ("a.example;b.example", ["a.example", "b.example"]),
    ("a.example | b.example", ["a.example", "b.example"]),
    (";a.example;;a.example;", ["a.example"]),
]


@pytest.mark.parametrize(("cell", "values"), VALUES)
def test_a_cell_may_hold_several_values(tmp_path: Path, cell: str, values: list[str]) -> None:
    """Separated by a semicolon or a bar, each once."""
    (entry,) = read(tmp_path, f"name,domain\nA,{cell}\n")
    assert entry.values["match"] == {"domains": values}


SAME = {
    "commas": "name,country\nA,X\n",
    "semicolons": "name;country\nA;X\n",
    "tabs": "name\tcountry\nA\tX\n",
    "quotes": '"name","country"\n"A","X"\n',
    "spaces": "name , country\n A , X \n",
    "upper case": "Name,COUNTRY\nA,X\n",
    "a byte order mark": "\ufeffname,country\nA,X\n",
    "CRLF and no end": "name,country\r\nA,X",
    "CR": "name,country\rA,X\r",
    "blank rows": "name,country\n,\n\nA,X\n,,\n",
}


@pytest.mark.parametrize("name", SAME)
def test_spellings_of_the_same_table_are_one(tmp_path: Path, name: str) -> None:
    """Whatever the spreadsheet and the language of its user."""
    (entry,) = read(tmp_path, SAME[name])
    assert entry.values == {"name": "A", "slug": "a", "country": "X"}


def test_quoted_values_may_hold_anything(tmp_path: Path) -> None:
    """Delimiters, doubled quotes and line breaks (RFC 4180, section 2); places stay right behind them."""
    first, second = read(tmp_path, 'name,party\n"A, ""B""","x\ny"\nC,"D"\n')
    assert (first.values["name"], first.values["party"]) == ('A, "B"', "x\ny")
    assert second.at("party") == Place(4, 3)


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("contry", "country"),
        ("listid", "list_id"),
        ("List-IDs", ""),
        ("e-mail", ""),
        ("email", "address"),
        ("State", "locality"),
        ("domains", ""),
    ],
)
def test_columns_are_understood_or_a_name_is_offered(tmp_path: Path, column: str, meant: str) -> None:
    """Case, spaces, hyphens and plurals make no difference."""
    if column in {"List-IDs", "domains"}:
        assert "match" in read(tmp_path, f"name,{column}\nA,x.example\n")[0].values
        return
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, f"name,{column}\nA,x.example\n")
    (problem,) = caught.value.problems
    assert problem.place == Place(1, 6)
    assert f"unknown column `{column}`" in problem.message
    assert (f"did you mean `{meant}`" in problem.message) == bool(meant) or column == "e-mail"


PROBLEMS = [
    ("", Place(1, 1), "the file is empty"),
    ("country\nX\n", Place(1, 1), "there is no column `name`"),
    ("name,name\nA,B\n", Place(1, 6), "stands here twice"),
    ("name,,country\nA,B,X\n", Place(1, 6), "has no name"),
    ("name,country\n,X\n", Place(2, 1), "this row has no name"),
    ("name,country\nA,X,Y\n", Place(2, 5), "there is no column for this value"),
    ('name,country\nA,"X\nB,Y\n', Place(2, 3), "never closed"),
    ('name,country\nA,"X"y\n', Place(2, 3), "never closed"),
    (b"name\nA\xe9\n", Place(2, 2), "byte 0xE9 is not UTF-8"),
]


@pytest.mark.parametrize(("text", "place", "message"), PROBLEMS)
def test_a_problem_has_its_place(tmp_path: Path, text: str | bytes, place: Place, message: str) -> None:
    """Line and column, counted from 1."""
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    (problem,) = caught.value.problems
    assert (problem.path, problem.place) == (tmp_path / "senders.csv", place)
    assert message in problem.message


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Not one after each attempt."""
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, "name,x,y\n,1,1\nA,1,1,1\n")
    assert [each.place for each in caught.value.problems] == [
        Place(1, 6),
        Place(1, 8),
        Place(2, 1),
        Place(3, 7),
    ]


@pytest.mark.parametrize("name", [".", "missing.csv"])
def test_what_is_no_file_is_said_to_be_none(tmp_path: Path, name: str) -> None:
    """No traceback."""
    with pytest.raises(SettingsError, match="file"):
        read_senders(tmp_path / name)
