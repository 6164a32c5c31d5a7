"""Full-text search, as SQL and as Datasette finds it."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import sqlite_utils

from tests.support.records import CATALOGUE, SENDER, record
from watcher.record import Author
from watcher.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("datasette")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("search") / "newsletters.db"
    with Store.open(path) as store:
        store.write_senders([SENDER])
        store.write_providers(CATALOGUE)
        store.write([(number, record(text=f"Common words, issue {number}.")) for number in range(1, 30)])
        store.write([(30, record(text="It was a quagga.", subject="Élections"))])
        store.write([(31, record(text="Common words.", author=Author("Quaggas of Utopia", "", "")))])
    return path


@pytest.fixture(scope="module")
def port(path: Path) -> Iterator[int]:
    """A real Datasette with its defaults, on a port of its own choice."""
    command = [sys.executable, "-m", "datasette", "serve", str(path), "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        found = None
        for line in process.stderr:
            if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                break
        assert found, "Datasette did not start"
        yield int(found[1])
        process.terminate()
        process.stderr.read()


def get(port: int, address: str, **parameters: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"{address}?{urlencode(parameters)}")
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == 200, body[:500]
    return json.loads(body)


def test_datasette_narrows_the_table_by_a_rare_word(port: int) -> None:
    """Without any setting of ours, Datasette finds the index of newsletters, stems, and folds accents."""
    everything = get(port, "/newsletters/newsletters.json")
    assert everything["filtered_table_rows_count"] == 31
    for words, expected in [
        ("quagga", [30, 31]),
        ("quaggas", [30, 31]),
        ("elections", [30]),
        ("nowhere", []),
    ]:
        rows = get(port, "/newsletters/newsletters.json", _search=words, _shape="objects")["rows"]
        assert [row["id"] for row in rows] == expected


def test_datasette_sql_can_quote_the_place_of_a_hit(port: int) -> None:
    """snippet() and highlight() read the texts, which live in another table."""
    sql = (
        "select rowid, snippet(newsletters_fts, -1, '[', ']', '...', 3) as s, "
        "highlight(newsletters_fts, 2, '[', ']') as h from newsletters_fts "
        "where newsletters_fts match 'quagga' order by rowid"
    )
    rows = get(port, "/newsletters.json", sql=sql, _shape="objects")["rows"]
    assert rows == [
        {"rowid": 30, "s": "...was a [quagga].", "h": "It was a [quagga]."},
        {"rowid": 31, "s": "[Quaggas] of Utopia", "h": "Common words."},
    ]


def test_datasette_hides_the_index_and_shows_the_tables(port: int) -> None:
    """What a visitor sees are the tables of the design; the index' own tables are hidden."""
    tables = get(port, "/newsletters.json")["tables"]
    shown = {table["name"] for table in tables if not table["hidden"]}
    assert {"newsletters", "bodies", "senders", "providers", "links"} <= shown
    assert not {name for name in shown if "fts" in name}


def test_sqlite_utils_finds_and_rebuilds_the_index(path: Path) -> None:
    """The other tool of the family works on the store, too."""
    database = sqlite_utils.Database(path)
    table = database["newsletters"]
    assert table.detect_fts() == "newsletters_fts"
    assert [row["id"] for row in table.search("quagga")] in ([30, 31], [31, 30])
    table.rebuild_fts()
    assert len(list(table.search("common"))) == 30
    database.close()
