"""The commands as a script sees them: names, output, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.home import READER, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.dovecot import MailUser
    from tests.support.home import Home

COMMANDS = ["demo", "init", "check", "run", "poll", "import", "rebuild", "senders", "explain"]
COMMANDS += ["clean", "links", "status", "backup", "restore", "serve"]
HTML = '<p>Words and <a href="https://example.com/a?utm_source=x&amp;id=1">a link</a>.</p>'


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(home: Home, command: str) -> None:
    """Someone who has never seen it finds what to type."""
    outcome = home.run(command, "--help")
    assert outcome.code == 0
    assert f"watcher {command}" in outcome.out.partition("Options:")[0].partition("\n")[2]


def test_the_overview_names_every_command(home: Home) -> None:
    """`watcher --help` is the table of contents."""
    out = home.run("--help").out
    assert [command for command in COMMANDS if f"  {command} " not in out] == []


def test_the_overview_imports_no_room() -> None:
    """`watcher --help` must be quick: no IMAP, no YAML, no HTML engine, no Datasette."""
    code = (
        "import sys, watcher.cli\n"
        "try: watcher.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'imapclient', 'pydantic', 'ruamel.yaml', 'selectolax', 'mailparser', 'sqlite_utils',"
        " 'structlog', 'apscheduler', 'rich', 'datasette'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["import"], ["explain"], ["poll", "--fast"]], ids=" ".join
)
def test_wrong_words_are_exit_2(home: Home, arguments: list[str]) -> None:
    """Usage errors say what is understood."""
    outcome = home.run(*arguments)
    assert outcome.code == 2
    assert "Usage:" in outcome.err


def test_config_is_taken_after_the_command_as_well(home: Home, tmp_path: Path) -> None:
    """Before or after the command's own words; the later one wins."""
    other = tmp_path / "other.yaml"
    other.write_text("inboxes: []\n")
    assert str(other) in home.run("check", "--offline", "--config", str(other)).out


def test_init_writes_settings_that_check_accepts(home: Home, tmp_path: Path) -> None:
    """And leaves alone what is there."""
    folder = tmp_path / "new" / "config"
    assert home.run("init", str(folder)).code == 0
    assert {"inboxes.yaml", "senders.yaml", "datasette.yaml"} <= {path.name for path in folder.iterdir()}
    assert home.run("check", "--config", str(folder / "inboxes.yaml")).code == 0
    (folder / "senders.yaml").write_text("senders: []  # mine\n")
    assert "left as it is" in home.run("init", str(folder)).out
    assert (folder / "senders.yaml").read_text() == "senders: []  # mine\n"


def test_check_names_inbox_folder_and_databases(home: Home, mail_user: MailUser) -> None:
    """One line for each thing that is well."""
    home.watch(mail_user)
    mail_user.deliver(mail())
    outcome = home.run("check")
    assert outcome.code == 0
    assert "inbox test: INBOX: 1 messages" in outcome.out
    assert "vault: " in outcome.out
    assert "store: " in outcome.out


def test_explain_json_has_the_contract_s_keys(home: Home, tmp_path: Path) -> None:
    """Scripts rely on these names."""
    file = tmp_path / "mail.eml"
    file.write_bytes(mail(body=HTML, content_type="text/html; charset=utf-8"))
    outcome = home.run("explain", str(file), "--json", "--recipient", READER)
    assert outcome.code == 0
    record = json.loads(outcome.out)
    keys = "subject from sent_at list_id kind providers sender text html preheader links trackers"
    assert {*keys.split(), "removed", "redactions", "attachments", "warnings"} <= set(record)
    assert record["from"] == {"name": "Example News", "address": "news@example.org", "domain": "example.org"}
    assert record["links"] == [
        {
            "position": 1,
            "text": "a link",
            "action": "cleaned",
            "url": "https://example.com/a?id=1",
            "host": "example.com",
            "role": "content",
            "rule": record["links"][0]["rule"],
        }
    ]


def test_explain_needs_no_settings(tmp_path: Path) -> None:
    """A mail from standard input, in a folder without any configuration."""
    done = subprocess.run(
        [sys.executable, "-m", "watcher", "explain", "-"],
        input=mail(),
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    assert b"A subject" in done.stdout
    assert b"Some words to read." in done.stdout


def test_explain_takes_trust_and_policy_of_the_only_inbox(
    home: Home, mail_user: MailUser, tmp_path: Path
) -> None:
    """--inbox names one of several; --links overrides it."""
    home.watch(mail_user, links="remove")
    file = tmp_path / "mail.eml"
    file.write_bytes(mail(body=HTML, content_type="text/html; charset=utf-8"))
    assert json.loads(home.run("explain", str(file), "--json").out)["links"][0]["action"] == "removed"
    kept = home.run("explain", str(file), "--json", "--links", "unwrap")
    assert json.loads(kept.out)["links"][0]["action"] == "cleaned"
    assert home.run("explain", str(file), "--inbox", "nobody").code == 2


def test_explain_cannot_be_used_against_the_terminal(home: Home, tmp_path: Path) -> None:
    """Escapes, carriage returns and direction marks of a mail do not reach it."""
    file = tmp_path / "mail.eml"
    file.write_bytes(
        mail("=?utf-8?Q?red=1B[31m=0D=E2=80=AEtxt=C2=9B2J?=", "body \x1b]0;title\x07 and \x9b2J")
    )
    out = home.run("explain", str(file)).out
    assert "red" in out
    assert not {"\x1b", "\r", "\u202e", "\x07", "\x9b"} & set(out)


def test_explain_of_an_empty_file_fails_with_a_reason(home: Home, tmp_path: Path) -> None:
    """A failed record, exit 1."""
    file = tmp_path / "mail.eml"
    file.write_bytes(b"")
    outcome = home.run("explain", str(file))
    assert outcome.code == 1
    assert "empty" in outcome.out


@pytest.mark.parametrize(
    ("name", "content", "arguments", "expected"),
    [
        ("a.html", HTML, [], "Words and [a link](https://example.com/a?id=1)."),
        ("a.txt", "Words\nand more\n", [], "Words"),
        ("noname", HTML, [], "Words and [a link](https://example.com/a?id=1)."),
        ("a.html", HTML, ["--html"], 'href="https://example.com/a?id=1"'),
    ],
    ids=["html", "text", "content", "safe-html"],
)
def test_clean_prints_one_body(
    home: Home, tmp_path: Path, name: str, content: str, arguments: list[str], expected: str
) -> None:
    """HTML or text, told by the suffix or the content."""
    file = tmp_path / name
    file.write_text(content)
    outcome = home.run("clean", str(file), *arguments)
    assert outcome.code == 0
    assert expected in outcome.out


def test_links_answers_one_json_object_a_line(home: Home) -> None:
    """action, url, role and rule for each URL of standard input."""
    urls = b"https://example.com/a?utm_source=x\nhttps://x.list-manage.com/track/click?u=0&id=1&e=2\n"
    outcome = home.run("links", stdin=urls)
    first, second = (json.loads(line) for line in outcome.out.splitlines())
    assert first["url"] == "https://example.com/a"
    assert (second["action"], second["url"]) == ("removed", None)
    report = json.loads(home.run("links", "--report", stdin=urls).out)
    assert report["actions"] == {"cleaned": 1, "removed": 1}


def test_status_before_the_first_poll_says_what_to_do(home: Home, mail_user: MailUser) -> None:
    """And afterwards all is well, in both forms."""
    home.watch(mail_user)
    outcome = home.run("status")
    assert outcome.code == 1
    assert "watcher poll" in outcome.err
    mail_user.deliver(mail())
    home.run("poll")
    assert "1 mails in the vault, 0 to derive, 0 failed, 0 skipped" in home.run("status").out
    shown = json.loads(home.run("status", "--json").out)
    assert shown["well"] is True
    assert shown["messages"] == 1
    assert [folder["problem"] for folder in shown["folders"]] == [""]


def test_import_twice_adds_nothing(home: Home, tmp_path: Path) -> None:
    """What was imported before is counted as such."""
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "1.eml").write_bytes(mail())
    (tmp_path / "letters" / "2.eml").write_bytes(mail())
    assert (
        "read 2: 1 new, 1 same as another, 0 imported before"
        in home.run("import", str(tmp_path / "letters")).out
    )
    assert (
        "read 2: 0 new, 0 same as another, 2 imported before"
        in home.run("import", str(tmp_path / "letters")).out
    )
    assert home.subjects() == ["A subject"]


def test_import_of_nothing_is_a_clear_error(home: Home, tmp_path: Path) -> None:
    """A folder without mail is not a success."""
    (tmp_path / "empty").mkdir()
    outcome = home.run("import", str(tmp_path / "empty"))
    assert outcome.code == 1
    assert "no mail in this folder" in outcome.err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_rebuild_gives_the_same_rows(home: Home, tmp_path: Path, workers: str) -> None:
    """Byte for byte, with one process or several."""
    (tmp_path / "letters").mkdir()
    for n in range(120):
        (tmp_path / "letters" / f"{n:03}.eml").write_bytes(
            mail(f"no. {n}", HTML * (n % 5), message_id=f"<{n}@x>")
        )
    home.run("import", str(tmp_path / "letters"))
    before = home.dump()
    outcome = home.run("rebuild", "--workers", workers)
    assert outcome.code == 0
    assert "120 derived" in outcome.out
    assert home.dump() == before


def test_rebuild_of_some_rows_leaves_the_others(home: Home, tmp_path: Path) -> None:
    """--where takes a condition on the main table; a wrong one is a clear error."""
    (tmp_path / "letters").mkdir()
    for n in range(3):
        (tmp_path / "letters" / f"{n}.eml").write_bytes(mail(f"no. {n}", message_id=f"<{n}@x>"))
    home.run("import", str(tmp_path / "letters"))
    before = home.dump()
    assert "derived 1, failed 0" in home.run("rebuild", "--where", "subject = 'no. 1'").out
    assert "derived 0, failed 0" in home.run("rebuild", "--failed").out
    assert home.dump() == before
    outcome = home.run("rebuild", "--where", "nonsense = 1")
    assert outcome.code == 1
    assert "nonsense" in outcome.err


def test_a_sender_is_named_by_the_registry(home: Home, tmp_path: Path) -> None:
    """record_page shows the organisation with its facts, and n/a where nobody registered it."""
    home.configure(
        "inboxes: []\n",
        "senders:\n"
        "  - name: River Watch\n    kind: association\n    party: none\n    country: Exampleland\n"
        "    match: {list_ids: [river.example.org]}\n",
    )
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "1.eml").write_bytes(mail("one", headers="List-Id: River <river.example.org>"))
    (tmp_path / "letters" / "2.eml").write_bytes(mail("two", message_id="<2@example.org>"))
    home.run("import", str(tmp_path / "letters"))
    first, second = home.rows("select * from record_page order by id")
    assert (first["Sender"], first["Country"], first["Office"]) == ("River Watch", "Exampleland", "n/a")
    assert second["Sender"] == "n/a"
    assert list(first)[1:] == [
        "From",
        "Subject",
        "Date",
        "Body",
        "HTML",
        "Screenshot",
        "Sender",
        "Political Party",
        "Country",
        "State/Locality",
        "Office",
        "Email Providers",
    ]


def test_serve_without_a_store_says_what_to_do(home: Home) -> None:
    """Nothing to show is not a traceback."""
    outcome = home.run("serve")
    assert outcome.code == 1
    assert "watcher poll" in outcome.err


def test_a_confirmation_waits_for_a_person_and_its_link_stays_private(
    home: Home, mail_user: MailUser
) -> None:
    """`kind` says so, `status` tells, and the link is in no column of the clean store."""
    home.watch(mail_user)
    link = "https://lists.example.com/confirm/key77key77"
    body = f'<p>Please <a href="{link}">confirm your subscription</a> to River News.</p>'
    mail_user.deliver(mail("Please confirm your subscription", body, content_type="text/html; charset=utf-8"))
    assert home.run("poll").code == 0
    assert home.rows("select kind from newsletters") == [{"kind": "confirmation"}]
    assert "key77" not in home.dump()
    assert "Example News asks to confirm a subscription" in home.run("status").out
    assert json.loads(home.run("status", "--json").out)["confirmations"][0]["sender"] == "Example News"


def test_a_path_that_the_system_refuses_is_one_line(home: Home, tmp_path: Path) -> None:
    """The file's name and the system's words; no traceback."""
    (tmp_path / "config.yaml").write_text(
        "store: {newsletters: /proc/none/n.db, vault: /proc/none/v.db}\ninboxes: []\n"
    )
    outcome = home.run("check", "--offline", "--config", str(tmp_path / "config.yaml"))
    assert outcome.code == 1
    assert "/proc/none" in outcome.out
    assert "Traceback" not in outcome.err
    (tmp_path / "here").touch()
    outcome = home.run("init", str(tmp_path / "here" / "below"))
    assert outcome.code == 1
    assert "Traceback" not in outcome.err
    assert "here" in outcome.err
