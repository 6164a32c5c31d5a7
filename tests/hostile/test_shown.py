"""What a mail says where it is shown: on a terminal, in the log, in CSV, in a search, as safe HTML."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from typing import TYPE_CHECKING

import pytest

from tests.hostile.attacks.markup import TRICKS
from tests.hostile.attacks.words import FILE_NAMES, FORMULAS, QUERIES, TERMINAL, everywhere, named
from tests.support.home import ended
from tests.support.promises import CONTEXT, keep, keep_html
from tests.support.web import serving
from watcher.cli.start import _summary
from watcher.pipeline import derive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.dovecot import MailUser
    from tests.support.home import Home


def _live(text: str) -> set[str]:
    """The characters that a terminal obeys, or that turn the direction of reading."""
    return {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} and char != "\n"}


def _taken_in(home: Home, texts: Sequence[str]) -> None:
    folder = home.root / "mails"
    folder.mkdir()
    for number, text in enumerate(texts):
        (folder / f"{number:03}.eml").write_bytes(everywhere(text))
    outcome = home.run("import", "--inbox", "politics", str(folder))
    assert outcome.code == 0, outcome.err
    assert _live(outcome.out + outcome.err) == set()


@pytest.fixture
def inbox(home: Home) -> Home:
    """A home with an inbox whose mail can be imported."""
    home.configure(
        "inboxes:\n  - {name: politics, host: 127.0.0.1, security: none, username: a, password: {env: X}}\n"
    )
    return home


def test_a_terminal_is_told_nothing_by_a_mail(inbox: Home) -> None:
    """Escapes, controls and marks of direction in every field, for every command that shows."""
    _taken_in(inbox, TERMINAL)
    shown = [inbox.run("explain", str(path)) for path in sorted((inbox.root / "mails").iterdir())]
    shown += [inbox.run(*words.split()) for words in ("status", "senders unknown", "senders list", "rebuild")]
    assert {char for each in shown for char in _live(each.out + each.err)} == set()
    assert all("Subject" in each.out for each in shown[: len(TERMINAL)])


def test_the_log_has_one_line_an_event_whatever_a_mail_says(home: Home, mail_user: MailUser) -> None:
    """No forged line, no forged priority: each is a document with an event of ours."""
    mail_user.deliver_many([everywhere(text) for text in (*TERMINAL, *FORMULAS)])
    home.watch(mail_user)
    with ended(home.start("-v", "poll")) as process:
        _, log = process.communicate(timeout=60)
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert process.returncode == 0
    assert all(event.replace("_", " ").replace("-", " ").replace(" ", "").isalpha() for event in events)
    assert _live(log) == set()
    assert len(home.subjects()) == len(TERMINAL) + len(FORMULAS)


def test_json_is_one_document_whatever_a_mail_says(inbox: Home) -> None:
    """What a script reads holds the text, escaped."""
    for number, text in enumerate((*TERMINAL, *FORMULAS, *QUERIES)):
        path = inbox.root / f"{number}.eml"
        path.write_bytes(everywhere(text))
        explained = inbox.run("explain", "--json", str(path))
        assert {"subject", "from"} <= json.loads(explained.out).keys()


def test_the_demo_table_is_told_nothing_by_a_mail(inbox: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """The table of the demo shows subjects and names of senders, each mail in one line."""
    _taken_in(inbox, TERMINAL)
    capsys.readouterr()
    _summary(inbox.store)
    shown = capsys.readouterr().out
    assert _live(shown) == set()
    assert len([line for line in shown.splitlines() if line.startswith("2026-03-01")]) == len(TERMINAL)


def test_what_a_mail_says_is_no_query_and_no_formula(inbox: Home) -> None:
    """Stored as it came; the search takes it as words, and a spreadsheet that opens the CSV as text."""
    _taken_in(inbox, (*QUERIES, *FORMULAS))
    assert len(inbox.subjects()) == len(QUERIES) + len(FORMULAS)
    with serving(inbox.store) as web:
        assert web.get("/-/newsletters?q=Words").status == 200
        for query in (*QUERIES, *TERMINAL, *FORMULAS):
            assert web.get(f"/-/newsletters?q={query}").status in {200, 400}
        answer = web.get("/newsletters/newsletters.csv?_size=max")
    cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert [cell for cell in cells if cell[:1] in {"=", "+", "@", "\t", "\r"}] == []
    assert inbox.rows("select count(*) as n from newsletters")[0]["n"] == len(inbox.subjects())


@pytest.mark.parametrize("number", range(len(TRICKS)))
def test_no_trick_loads_anything_from_the_stored_html(number: int) -> None:
    """The sanitiser alone, without the frame around it."""
    from tests.hostile.attacks.attack import html

    record = derive(html(f"<p>Words to read.</p>{TRICKS[number]}"), CONTEXT)
    assert "Words to read." in record.text
    keep_html(record.html)
    keep(record)


@pytest.mark.parametrize("number", range(len(FILE_NAMES)))
def test_no_file_name_leaves_its_folder(number: int) -> None:
    """However it is declared: one component, short, without controls, never empty."""
    record = derive(named(FILE_NAMES[number]), CONTEXT)
    assert len(record.attachments) == 3
    for each in record.attachments:
        assert each.name.strip(". ")
        assert not {"/", "\\", "\0", "\n", "\r", "\x1b", "\u202e", "\u2028"} & set(each.name)
        assert len(each.name.encode()) <= 255
