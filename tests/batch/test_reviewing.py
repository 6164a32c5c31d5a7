"""`rebuild --diff`: what would change is told, and nothing is written."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.home import mail

if TYPE_CHECKING:
    from tests.support.home import Home

HTML = "<p>Words to read, and <a href='https://example.org/a?utm_source=x'>a link</a>.</p>"


@pytest.fixture
def archive(home: Home) -> Home:
    """Three newsletters, derived."""
    letters = home.root / "letters"
    letters.mkdir()
    for n in range(1, 4):
        raw = mail(f"no. {n}", HTML, message_id=f"<{n}@example.org>", content_type="text/html")
        (letters / f"{n}.eml").write_bytes(raw)
    assert home.run("import", str(letters)).code == 0
    return home


def change(home: Home, *statements: str) -> None:
    with closing(sqlite3.connect(home.store)) as db, db:
        for statement in statements:
            db.execute(statement)


def test_nothing_would_change_in_a_store_of_today(archive: Home) -> None:
    """Exit code 0, as diff(1)."""
    outcome = archive.run("rebuild", "--diff")
    assert (outcome.code, outcome.out) == (
        0,
        "3 mails looked at: 0 would change, 0 would be new, 0 would go\n",
    )


def test_fields_are_counted_with_examples_and_nothing_is_written(archive: Home) -> None:
    """Exit code 1; a row made by older rules with the same values is no change."""
    change(
        archive,
        "UPDATE newsletters SET subject = 'secret words' WHERE id < 3",
        "UPDATE bodies SET text = 'older secret' WHERE newsletter_id = 2",
        "UPDATE links SET url = 'https://example.org/?id=secret' WHERE newsletter_id = 3",
        "UPDATE newsletters SET pipeline_version = 'old'",
    )
    before = archive.dump()
    outcome = archive.run("rebuild", "--diff")
    version = outcome.out.rstrip().rpartition(" ")[2]
    assert (outcome.code, outcome.out.splitlines()) == (
        1,
        [
            "3 mails looked at: 3 would change, 0 would be new, 0 would go",
            "Field    Mails  Examples",
            "subject      2  1 2",
            "text         1  2",
            "links        1  3",
            f"rules: 3 made by old, now {version}",
        ],
    )
    assert archive.dump() == before


def test_texts_are_shown_on_demand_alone(archive: Home) -> None:
    """A review may be pasted into a report: mail text is in it only with --show."""
    change(archive, "UPDATE bodies SET text = 'older secret' WHERE newsletter_id = 2")
    assert "secret" not in archive.run("rebuild", "--diff", "--json").out
    shown = archive.run("rebuild", "--diff", "--show").out
    assert "text of 2\n@@" in shown
    assert "\n-older secret\n+Words to read" in shown
    document = json.loads(archive.run("rebuild", "--diff", "--json", "--show").out)
    assert document["fields"]["text"]["shown"][0]["before"] == "older secret"


def test_new_and_vanishing_newsletters_are_named(archive: Home) -> None:
    """What the vault has and the store does not, and the other way round."""
    change(archive, "DELETE FROM newsletters WHERE id = 2", "DELETE FROM bodies WHERE newsletter_id = 3")
    document = json.loads(archive.run("rebuild", "--diff", "--json").out)
    assert (document["new"], document["fields"]["text"]["examples"]) == ([2], [3])
    with closing(sqlite3.connect(archive.vault)) as db, db:
        for table, key in (("derivations", "message"), ("deliveries", "message"), ("messages", "id")):
            db.execute(f"DELETE FROM {table} WHERE {key} = 3")  # noqa: S608  # of this test
    document = json.loads(archive.run("rebuild", "--diff", "--json").out)
    assert (document["gone"], document["looked_at"]) == ([3], 2)


def test_only_the_chosen_are_looked_at(archive: Home) -> None:
    """With --where, what is not chosen neither changes nor goes."""
    change(archive, "UPDATE newsletters SET subject = 'x'")
    document = json.loads(archive.run("rebuild", "--diff", "--json", "--where", "id = 2").out)
    assert (document["looked_at"], document["fields"]["subject"]["examples"]) == (1, [2])
    assert archive.run("rebuild", "--diff", "--failed").code == 0


def test_options_of_diff_alone_are_refused_without_it(archive: Home) -> None:
    """Nobody should rebuild who wanted to look."""
    assert archive.run("rebuild", "--show").code == 2
