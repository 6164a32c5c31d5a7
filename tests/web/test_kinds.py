"""What is no newsletter counts as one nowhere, unless it is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.records import CATALOGUE, SENDER, record
from tests.support.web import Web, serving
from watcher.record import Kind
from watcher.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHERS = [kind for kind in Kind if kind is not Kind.NEWSLETTER]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """An archive with one mail of each kind, all of one sender, in one month."""
    path = tmp_path_factory.mktemp("kinds") / "newsletters.db"
    with Store.open(path) as store:
        store.write_senders([SENDER])
        store.write_providers(CATALOGUE)
        store.write(
            [(n, replace(record(), kind=kind, subject=f"Of kind {kind}")) for n, kind in enumerate(Kind, 1)]
        )
    with serving(path) as running:
        yield running


LISTS = ["/", "/-/newsletters", "/-/newsletters?q=zebra", "/-/newsletters?sender=example-party"]
LISTS += ["/-/newsletters.atom", "/-/newsletters.atom?q=zebra"]


@pytest.mark.parametrize("path", LISTS)
def test_lists_searches_and_feeds_show_newsletters_alone(mixed: Web, path: str) -> None:
    """Bounces, automatic answers, personal mail, whatever it is: it has its row, and no place here."""
    page = mixed.get(path)
    assert page.status == 200
    assert "Of kind newsletter" in page.text
    assert [kind for kind in OTHERS if f"Of kind {kind}" in page.text] == []


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_is_shown_to_those_who_ask_for_it(mixed: Web, kind: Kind) -> None:
    """By its word, and among all of them."""
    assert f"Of kind {kind}" in mixed.get(f"/-/newsletters?kind={kind}").text
    assert f"Of kind {kind}" in mixed.get("/-/newsletters?kind=any").text


def test_a_mail_that_is_no_newsletter_says_so_and_why(mixed: Web) -> None:
    """On its own page: the kind, and where its sign stood."""
    page = mixed.get(f"/newsletters/newsletters/{list(Kind).index(Kind.BOUNCE) + 1}").text
    assert '<span class="tag kind" title="by: header List-Id">bounce</span>' in page


def test_facets_count_newsletters_alone(mixed: Web) -> None:
    """The number beside a value is that of the list behind it."""
    page = mixed.get("/-/newsletters").text
    facet = page[page.index("<summary>Month") :]
    assert ">1<" in facet[: facet.index("</details>")]


def test_statistics_count_newsletters_alone(mixed: Web) -> None:
    """Every canned query that counts newsletters counts one."""
    listed = json.loads(mixed.get("/newsletters.json").text)["queries"]
    counted = 0
    for query in listed:
        rows = json.loads(mixed.get(f"/newsletters/{query['name']}.json?_shape=array").text)
        for row in rows:
            if "newsletters" in row:
                assert row["newsletters"] == 1, query["name"]
                counted += 1
    assert counted >= 3
