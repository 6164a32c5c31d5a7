"""What is wrong is said with file, line, column, the line, and what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.settings_files import INBOX, inbox_text, only_problem, position, problems_of, written
from watcher import settings

if TYPE_CHECKING:
    from pathlib import Path

_LOGIN = "{name: a, host: h, username: u, password: {env: P}}"


def test_a_problem_names_its_place_shows_the_line_and_says_what_is_allowed(tmp_path: Path) -> None:
    """The whole report, once, to the letter."""
    path = written(tmp_path, inbox_text("port: 99300"))
    assert str(only_problem(path)) == (
        f"{path}:6:11: inboxes.0.port: must be a number between 1 and 65535, not `99300`\n"
        "        port: 99300\n"
        "              ^"
    )


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        ("port: 0", 11, "between 1 and 65535"),
        ("port: imaps", 11, "not `imaps`"),
        ("port: 9_93", 11, "between 1 and 65535"),
        ("port: [993]", 11, "must be a single value"),
        ("security: ssl", 15, "must be `tls`, `starttls` or `none`, not `ssl`"),
        ("security: none", 15, "`insecure: true`"),
        ("insecure: true", 15, "belongs to `security: none`"),
        ("insecure: yes", 15, "must be `true` or `false`, not `yes`"),
        ("every: 5", 12, "a number needs its unit"),
        ("every: 5 minutes", 12, "such as `90s`, `5m`"),
        ("every: ''", 12, "is empty"),
        ("every: 9s", 12, "between `10s` and `1d`"),
        ("every: 25h", 12, "between `10s` and `1d`"),
        ("max_message: 50", 18, "such as `500kB`"),
        ("max_message: 1GB", 18, "between `100kB` and `900MB`"),
        ("since: 2024-13-01", 12, "a day of the calendar"),
        ("since: 20240131", 12, "a day of the calendar"),
        ("after: delete", 12, "must be `leave`, `seen` or `move`"),
        ("after: move", 12, "`move_to: Archived`"),
        ("move_to: Done", 14, "belongs to `after: move`"),
        ("folders: INBOX", 14, "must be a list"),
        ("folders: []", 14, "at least one"),
        ("folders: [News, INBOX, News]", 14, "twice"),
        ("folders: [inbox, INBOX]", 14, "twice"),
        ("folders: [INBOX, Lists/*]", 22, "`*` and `%`"),
        ('folders: ["a\\nb"]', 15, "one line"),
        ("links: drop", 12, "must be `unwrap`, `remove` or `keep`"),
        ("trusted_mx: [mx/example]", 18, "`*.mx.example.org`"),
        ("trusted_authserv_id: mx example", 26, "Authentication-Results"),
        ("redact: [J]", 14, "at least two characters"),
        ("redact: [~]", 14, "is empty"),
        ("addresses: [archive]", 17, "must be an address"),
        ("cafile: missing.pem", 13, "there is no file"),
        ("oauth: {provider: google}", 12, "two logins"),
        ("ssl: true", 5, "did you mean `security`?"),
        ("hostname: a", 5, "did you mean `host`?"),
        ("colour: red", 5, "unknown key `colour` (allowed here: name, host,"),
        ("fodlers: [INBOX]", 5, "unknown key `fodlers` (did you mean `folders`?)"),
        ("links: &x keep", 12, "begins with `&` needs quotes"),
        ("links: !!str keep", 12, "tags"),
        ("trusted_mx: [*.example.org]", 18, "begins with `*` needs quotes"),
        ("? [a]\n: b", 7, "a key must be a single word"),
    ],
)
def test_a_wrong_setting_is_named_and_explained(tmp_path: Path, line: str, column: int, says: str) -> None:
    """Each wrong line gives a problem at the right place whose message says what is allowed."""
    problem = only_problem(written(tmp_path, inbox_text(line)))

    assert position(problem) == (6, column)
    assert says in problem.message


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("politics\n", "Our Politics\n", (2, 11), "a-z, 0-9"),
        ("imap.example.org", "imaps://imap.example.org", (3, 11), "without `imap://`"),
        ("imap.example.org", "imap.example.org:993", (3, 11), "`port: 993`"),
        ("imap.example.org", "-x-", (3, 11), "or an IP address"),
        ("host: imap.example.org\n", "", (2, 5), "is missing"),
        ("imap.example.org", "", (3, 5), "is empty"),
        ("archive@example.org", "[a]", (4, 15), "single value"),
        ("archive@example.org", "'a '", (4, 15), "begin or end with a space"),
        ("archive@example.org", "a" * 1001, (4, 15), "longer than"),
        ("password: {credential: politics-imap}\n", "", (2, 5), "there is no login"),
        ("{credential: politics-imap}", "", (5, 5), "there is no login"),
        ("{credential: politics-imap}", "[env, P]", (5, 15), "one of {credential: NAME}"),
        ("{credential: politics-imap}", "{}", (5, 15), "exactly one"),
        ("{credential: politics-imap}", "{env: A, file: b}", (5, 15), "exactly one"),
        ("{credential: politics-imap}", "{credential: a/b}", (5, 28), "LoadCredential="),
        ("{credential: politics-imap}", "{credential: ..}", (5, 28), "LoadCredential="),
        ("{credential: politics-imap}", "{command: pass show}", (5, 25), "no shell"),
        ("{credential: politics-imap}", "{command: []}", (5, 25), "no shell"),
        ("{credential: politics-imap}", "{comand: [pass]}", (5, 16), "did you mean `command`?"),
    ],
)
def test_a_wrong_core_of_an_inbox_is_named_and_explained(
    tmp_path: Path, old: str, new: str, place: tuple[int, int], says: str
) -> None:
    """Name, host and login, each in its wrong forms; what is missing is shown where it belongs."""
    problem = only_problem(written(tmp_path, inbox_text("", INBOX.replace(old, new))))

    assert position(problem) == place
    assert says in problem.message


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("", (1, 1), "the file is empty; the least that it can say is `inboxes: []`"),
        ("# only this\n", (1, 1), "the file is empty"),
        ("- name: a\n", (1, 1), "beginning with `inboxes:`"),
        ("inboxes\n", (1, 1), "beginning with `inboxes:`"),
        ("links: keep\n", (1, 1), "is missing"),
        ("inboxes: 3\n", (1, 10), "must be a list"),
        ("inboxes: {a: {}}\n", (1, 10), "begin each item with `- `"),
        ("inboxes: [3]\n", (1, 11), "must be keys with values"),
        ("inboxes:\n  -\n", (2, 4), "is empty"),
        ("inboxes: []\nstore: data.db\n", (2, 8), "must be keys with values"),
        ("inboxes: []\nstore: {newsletters: a.db, vault: ./a.db}\n", (2, 35), "another database"),
        ("inboxes: []\nstore: {newsletters: vault.db}\n", (2, 22), "another database"),
        ("inboxes: []\nstore: {media: data/vault.db}\n", (2, 16), "another database"),
        ("inboxes: []\nsenders: none.yaml\n", (2, 10), "there is no file"),
        ("inboxes: []\ninboxes: []\n", (2, 1), "`inboxes` stands here twice, first in line 1"),
        (f"inboxes:\n- {_LOGIN}\n- {_LOGIN}\n", (3, 10), "the inbox in line 2 has the same name"),
        ("inboxes: []\nlinks: keep\nlinks : keep\n", (3, 1), "`links` stands here twice, first in line 2"),
        ("inboxes: []\n<<: {links: keep}\n", (2, 1), "unknown key"),
    ],
)
def test_a_wrong_file_is_named_and_explained(
    tmp_path: Path, text: str, place: tuple[int, int], says: str
) -> None:
    """The shape of the file as a whole, and what concerns several of its parts."""
    problem = only_problem(written(tmp_path, text))

    assert position(problem) == place
    assert says in problem.message


def test_all_problems_come_at_once_and_in_file_order(tmp_path: Path) -> None:
    """One run of `watcher check` is enough to mend a file, whatever kinds of problems it has."""
    text = """\
        linkz: keep
        inboxes:
          - name: a
            host: imap.example.org
            host: imap.example.org
            username: u
            after: move
            cafile: missing.pem
            security: none
            every: 1x
          - name: a
            username: u
            password: {env: P}
        senders: missing.yaml
        """
    problems = problems_of(written(tmp_path, text))

    lines = [position(problem)[0] for problem in problems]
    assert lines == [1, 3, 5, 7, 8, 8, 9, 10, 11, 11, 14]
    assert str(settings.SettingsError(problems)).count("^") == len(problems)


def test_a_misspelt_key_is_one_problem(tmp_path: Path) -> None:
    """A required key that is misspelt is not called missing as well."""
    base = INBOX.replace("host:", "hots:").replace("password:", "pasword:")
    keys = [problem.key for problem in problems_of(written(tmp_path, inbox_text("", base)))]
    assert keys == ["inboxes.0.hots", "inboxes.0.pasword"]


def test_the_caret_stands_below_the_place_in_a_long_line(tmp_path: Path) -> None:
    """A long line is cut around the place; wide characters take two columns of the terminal."""
    names = ", ".join(f"n{number}" for number in range(100))
    path = written(tmp_path, f"inboxes: []\nstore: {{newsletters: '{names}', vault: 図書館.db, vault: x}}\n")
    _, line, caret = str(only_problem(path)).split("\n")

    cells = "".join(char * 2 if ord(char) > 0x2000 else char for char in line)
    assert len(line) < 130
    assert cells[caret.index("^") :].startswith("vault: x")


def test_nothing_of_a_file_can_steer_the_terminal(tmp_path: Path) -> None:
    """Direction marks in keys and values come out as question marks."""
    path = written(tmp_path, "inboxes: []\nlinks: a\u202eb\nli\u202enk: x\n")
    report = "\n".join(str(problem) for problem in problems_of(path))

    assert "links: a?b" in report
    assert "\u202e" not in report
