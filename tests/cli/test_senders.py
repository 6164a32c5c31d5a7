"""`watcher senders`: the register, from a spreadsheet to old mail."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.support.home import READER, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.home import Home

INBOX = f"""
inboxes:
  - name: imported
    host: localhost
    security: none
    username: {READER}
    password: {{env: NOTHING}}
    redact: [Jane Doe]
"""
MAILCHIMP = "X-MC-User: 0123456789abcdef01234567\nFeedback-ID: 1:1.2:us9:mc"

LETTERS = {
    "river": mail("river", headers="List-Id: River <river.example.org>", sender="River <a@river.example>"),
    "river again": mail(
        "river 2", headers="List-Id: River <river.example.org>", sender="River Watch <a@river.example>"
    ),
    "alias": mail(
        "alias", headers="Delivered-To: reader+tin@example.org\nPrecedence: bulk", sender="T <t@tin.example>"
    ),
    "account": mail("account", headers=MAILCHIMP, sender="Bees <x@bees.example>"),
    "address": mail("address", headers="Precedence: bulk", sender="Slow <slow@ferry.example>"),
    "domain": mail("domain", headers="Precedence: bulk", sender="Fast <fast@mail.ferry.example>"),
    "reader": mail("from the reader", sender=f"Jane Doe <{READER}>", headers="Precedence: bulk"),
    "named": mail("named", sender="Jane Doe <jane.doe@ferry.example>", headers="List-Id: <jane-doe.example>"),
    "personal": mail("personal", sender="Someone <someone@person.example>"),
    "8-bit": mail("8-bit", headers="Precedence: bulk", sender="B <n@b\xfccher.example>").replace(
        "\xfc".encode(), b"\xfc"
    ),
    "empty": b"\r\n \r\n",
}
SENDERS = """\
senders:
  - name: River Watch
    match: {list_ids: [river.example.org]}
  - name: Ferries
    match: {domains: [ferry.example]}
"""


@pytest.fixture
def archive(home: Home) -> Home:
    """An archive with a mail for each way of recognising a sender."""
    home.configure(INBOX, SENDERS)
    letters = home.root / "letters"
    letters.mkdir()
    for number, (name, raw) in enumerate(LETTERS.items()):
        (letters / f"{number:02} {name}.eml").write_bytes(raw.replace(b"<1@", b"<%d@" % number))
    assert home.run("import", "--inbox", "imported", str(letters)).code == 0
    return home


def register(home: Home, entries: str) -> None:
    home.config.with_name("senders.yaml").write_text("senders:\n" + textwrap.indent(entries, "  "))


def change(path: Path, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute(sql)


REGISTERS = {
    "nobody": "[]\n",
    "the same": SENDERS.partition("\n")[2],
    "facts alone": "- {name: River Watch, party: Green, match: {list_ids: [river.example.org]}}",
    "another name for the same mail": "- {name: Rivers, match: {list_ids: [river.example.org]}}",
    "another way": "- {name: River Watch, match: {addresses: [a@river.example]}}",
    "an alias": "- {name: Tin, match: {aliases: [reader+tin@example.org]}}",
    "a tag": (
        "- {name: Tin, match: {aliases: [tin]}}\n- {name: River, match: {list_ids: [river.example.org]}}"
    ),
    "an account": "- {name: Bees, match: {accounts: ['mailchimp:0123456789abcdef01234567']}}",
    "a domain before an address": (
        "- {name: All, match: {domains: [ferry.example]}}\n"
        "- {name: S, match: {addresses: [slow@ferry.example]}}"
    ),
    "the reader": "- {name: Me, match: {addresses: [reader@example.org]}}",
    "a name of the reader": "- {name: Jane, match: {list_ids: [jane-doe.example]}}",
    "an internationalised domain": "- {name: Books, match: {domains: [xn--bcher-kva.example]}}",
    "everything": (
        "- {name: A, match: {list_ids: [river.example.org], aliases: [tin]}}\n"
        "- {name: B, match: {accounts: ['mailchimp:0123456789abcdef01234567'], domains: [person.example]}}\n"
        "- {name: C, match: {addresses: [slow@ferry.example, reader@example.org], domains: [ferry.example]}}"
    ),
}


@pytest.mark.parametrize("name", REGISTERS)
def test_apply_gives_what_rebuild_gives_row_for_row(archive: Home, name: str) -> None:
    """Whatever changed in senders.yaml; and a second time there is nothing left to change."""
    register(archive, REGISTERS[name])
    assert archive.run("senders", "apply").code == 0
    applied = archive.dump()
    assert "0 have another sender" in archive.run("senders", "apply").out
    assert archive.dump() == applied
    assert archive.run("rebuild", "--workers", "1").code == 0
    assert archive.dump() == applied


def test_apply_opens_no_mail_unless_it_must(archive: Home) -> None:
    """The store has List-Id, account, address and domain; it lacks recipients, and what was redacted."""
    register(archive, REGISTERS["another name for the same mail"])
    out = archive.run("senders", "apply").out
    assert "10 mails compared (2 in the vault): 5 have another sender" in out
    assert "rivers: +2 -0\n" in out
    assert "nobody: +3 -0\n" in out
    register(archive, REGISTERS["a tag"])
    assert "10 mails compared (8 in the vault)" in archive.run("senders", "apply").out


def test_rows_of_older_rules_are_compared_with_the_mail_itself(archive: Home) -> None:
    """What an older version stored may not be what the registry would be asked today."""
    change(archive.store, "update newsletters set pipeline_version = 'old', list_id = 'wrong.example'")
    register(archive, REGISTERS["another name for the same mail"])
    out = archive.run("senders", "apply").out
    assert "(10 in the vault)" in out
    assert "rivers: +2 -0\n" in out


def test_a_dry_run_changes_nothing(archive: Home) -> None:
    """It says what would change."""
    before = archive.dump()
    register(archive, REGISTERS["everything"])
    out = archive.run("senders", "apply", "--dry-run").out
    assert "would get another sender" in out
    assert "a: +3 -0\n" in out
    assert archive.dump() == before


def test_a_mail_that_the_vault_cannot_give_is_left_as_it_was(archive: Home) -> None:
    """Its neighbours get their senders; the exit code says that something is wrong."""
    change(archive.vault, "update messages set raw = x'00' where id = 4")
    register(archive, REGISTERS["a tag"])
    outcome = archive.run("senders", "apply")
    assert outcome.code == 1
    assert "1 left as they were" in outcome.err
    assert "the first is no. 4" in outcome.err
    assert archive.rows("select sender from newsletters where id = 3") == [{"sender": "tin"}]


def test_unknown_proposes_entries_that_can_be_pasted(archive: Home) -> None:
    """With them every newsletter has a sender; mail of other kinds, and the reader, are never proposed."""
    out = archive.run("senders", "unknown").out
    assert READER not in out
    assert "person.example" not in out
    assert "jane" not in out.lower()
    assert (
        "  # 1 newsletter, 2026-03-01 to 2026-03-01, MailChimp\n"
        "  - name: Bees\n"
        "    match:\n"
        "      accounts: [mailchimp:0123456789abcdef01234567]\n"
    ) in out
    archive.configure(INBOX, SENDERS + out)
    assert archive.run("check", "--offline").code == 0
    assert archive.run("senders", "apply").code == 0
    left = archive.rows("select subject from newsletters where sender is null and kind = 'newsletter'")
    assert {row["subject"] for row in left} <= {"from the reader"}


def test_unknown_proposes_one_entry_for_a_list_with_its_newest_name(archive: Home) -> None:
    """The most frequent first; --limit says how many, and what is not shown is counted."""
    archive.configure(INBOX)
    archive.run("senders", "apply")
    outcome = archive.run("senders", "unknown", "--limit", "1")
    assert outcome.out.startswith("  # 2 newsletters, 2026-03-01 to 2026-03-01\n  - name: River")
    assert "list_ids: [river.example.org]" in outcome.out
    assert outcome.out.count("- name:") == 1
    assert "more: --limit" in outcome.err


def test_unknown_as_json_gives_each_a_slug_of_its_own(archive: Home) -> None:
    """Also beside those that are registered: pasted, they must not collide."""
    archive.configure(INBOX, "senders:\n  - {name: Bees}\n  - {name: T}\n")
    found = json.loads(archive.run("senders", "unknown", "--json").out)
    slugs = [each["slug"] for each in found]
    assert len(set(slugs)) == len(slugs)
    assert {"bees-2", "t-2"} <= set(slugs)
    assert "slug: bees-2\n" in archive.run("senders", "unknown").out
    (bees,) = (each for each in found if each["name"] == "Bees")
    assert bees == {
        "name": "Bees",
        "slug": "bees-2",
        "match": {"accounts": ["mailchimp:0123456789abcdef01234567"]},
        "newsletters": 1,
        "first_at": bees["first_at"],
        "last_at": bees["last_at"],
        "platforms": ["MailChimp"],
    }


def test_unknown_says_when_there_is_nobody(home: Home, tmp_path: Path) -> None:
    """Nothing to paste on standard output, a word on the other one."""
    (tmp_path / "one.eml").write_bytes(mail())
    home.run("import", str(tmp_path / "one.eml"))
    outcome = home.run("senders", "unknown")
    assert (outcome.code, outcome.out) == (0, "")
    assert "every newsletter has a registered sender" in outcome.err


def test_list_counts_the_newsletters_of_each(archive: Home) -> None:
    """Those of whom nothing came are in it, too."""
    archive.configure(INBOX, SENDERS + "  - name: Nothing Yet\n")
    lines = archive.run("senders", "list").out.splitlines()
    assert [line.split() for line in lines] == [
        ["river-watch", "2", "2026-03-01", "River", "Watch"],
        ["ferries", "3", "2026-03-01", "Ferries"],
        ["nothing-yet", "0", "never", "Nothing", "Yet"],
    ]
    assert json.loads(archive.run("senders", "list", "--json").out)[2] == {
        "slug": "nothing-yet",
        "name": "Nothing Yet",
        "newsletters": 0,
        "last_at": None,
    }


CSV = "name,country,domain\nTin,X,tin.example\nRiver Watch,X,river.example\n"


def test_import_appends_and_reports_what_is_there(archive: Home, tmp_path: Path) -> None:
    """The old text stays; the new entry is at once of use."""
    (tmp_path / "new.csv").write_text(CSV)
    outcome = archive.run("senders", "import", str(tmp_path / "new.csv"))
    assert outcome.code == 0
    assert f"{tmp_path}/new.csv:3: `river-watch` is there already" in outcome.out
    assert "1 senders added, 1 were there already" in outcome.out
    text = archive.config.with_name("senders.yaml").read_text()
    assert text == SENDERS + (
        "  - name: Tin\n    slug: tin\n    country: X\n    match:\n      domains: [tin.example]\n"
    )
    archive.run("senders", "apply")
    assert archive.rows("select sender from newsletters where subject = 'alias'") == [{"sender": "tin"}]


def test_import_dry_run_prints_the_entries_alone(archive: Home, tmp_path: Path) -> None:
    """What is said beside them goes to standard error; no file is written."""
    (tmp_path / "new.csv").write_text(CSV)
    outcome = archive.run("senders", "import", str(tmp_path / "new.csv"), "--dry-run")
    assert outcome.out == (
        "  - name: Tin\n    slug: tin\n    country: X\n    match:\n      domains: [tin.example]\n"
    )
    assert "is there already" in outcome.err
    assert archive.config.with_name("senders.yaml").read_text() == SENDERS


def test_import_makes_the_file_where_there_is_none(home: Home, tmp_path: Path) -> None:
    """Beside inboxes.yaml, where it is looked for."""
    home.config.with_name("senders.yaml").unlink()
    (tmp_path / "new.csv").write_text(CSV)
    assert home.run("senders", "import", str(tmp_path / "new.csv")).code == 0
    assert len(home.run("senders", "list").out.splitlines() if home.store.exists() else "ab") == 2
    assert "2 senders" in home.run("check", "--offline").out


def test_import_names_the_place_of_a_problem(home: Home, tmp_path: Path) -> None:
    """File, line, column, and a name that may have been meant; exit code 78, and nothing is written."""
    (tmp_path / "new.csv").write_text("name,contry\nA,X\n")
    outcome = home.run("senders", "import", str(tmp_path / "new.csv"))
    assert outcome.code == 78
    assert f"{tmp_path}/new.csv:1:6: unknown column `contry` (did you mean `country`?)" in outcome.err
    assert home.config.with_name("senders.yaml").read_text() == "senders: []\n"


@pytest.mark.parametrize("command", ["import", "unknown", "apply", "list"])
def test_every_command_has_help_with_an_example(home: Home, command: str) -> None:
    """Someone who has never seen it finds what to type."""
    outcome = home.run("senders", command, "--help")
    assert outcome.code == 0
    assert f"watcher senders {command}" in outcome.out.partition("Options:")[0].partition("\n")[2]


@pytest.mark.parametrize("command", [["unknown"], ["list"], ["apply"]])
def test_without_an_archive_each_says_what_to_do(home: Home, command: list[str]) -> None:
    """Not a traceback, and no empty database."""
    outcome = home.run("senders", *command)
    assert outcome.code == 1
    assert "watcher poll" in outcome.err
    assert not home.store.exists()


def test_check_names_the_places_of_marks_that_two_senders_claim(home: Home) -> None:
    """The same domain in another spelling: file, line and column of the one that gets nothing."""
    home.configure(
        "inboxes: []\n",
        "senders:\n"
        "  - name: One\n    match: {domains: [b\xfccher.example], aliases: [me@b\xfccher.example]}\n"
        "  - name: Two\n    match: {domains: [xn--bcher-kva.example], aliases: [me@xn--bcher-kva.example]}\n",
    )
    outcome = home.run("check", "--offline")
    senders = home.config.with_name("senders.yaml")
    assert outcome.code == 1
    assert (
        f"FAILED: {senders}:5:23: domains: `xn--bcher-kva.example` of `two` is the same as `one` has "
        "in line 3, who gets the mail"
    ) in outcome.out
    assert f"FAILED: {senders}:5:57: aliases: an alias of `two`" in outcome.out
    assert "me@" not in outcome.out
