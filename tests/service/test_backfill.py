"""Old mail of a folder, beside a daemon that polls it: what is taken, and what is left as it was."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.fake_imap import FakeImap
from tests.support.home import mail
from watcher import settings as settings_room
from watcher.service.backfill import take_in_old
from watcher.service.inbox import poll_inbox
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.dovecot import MailUser
    from tests.support.home import Home
    from watcher.service.polling import Polled
    from watcher.settings import Inbox

OLD = "01-Feb-2020 12:00:00 +0000"
OLDER = "01-Feb-2010 12:00:00 +0000"


@pytest.fixture
def server() -> Iterator[FakeImap]:
    """Two old mails, one of them ten years older, and one of this year."""
    with FakeImap() as running:
        for uid, when in ((1, OLDER), (2, OLD), (3, None)):
            raw = mail(f"no. {uid}", message_id=f"<{uid}@example.org>")
            running.add(uid, raw, **({"internal_date": when} if when else {}))
        yield running


def configured(home: Home, server: FakeImap, **keys: object) -> Inbox:
    (home.root / "secret").write_text("a secret")
    (home.root / "secret").chmod(0o600)
    lines = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    home.configure(
        f"inboxes:\n  - name: test\n    host: 127.0.0.1\n    port: {server.port}\n    security: none\n"
        f"    username: reader\n    password: {{file: {home.root}/secret}}\n{lines}"
    )
    (inbox,) = settings_room.load(home.config).inboxes
    return inbox


def poll(home: Home, inbox: Inbox) -> Polled:
    with Vault.open(home.vault) as vault:
        return poll_inbox(inbox, vault, {}).polled


def take(home: Home, inbox: Inbox, since: date | None = None) -> Polled:
    with Vault.open(home.vault) as vault:
        return take_in_old(inbox, vault, {}, since=since)


def uids(home: Home) -> list[int]:
    return [row["uid"] for row in home.vault_rows("select uid from deliveries order by uid")]


def cursor(home: Home) -> int:
    return int(home.vault_rows("select last_uid from mailboxes")[0]["last_uid"])


def test_what_the_daemon_left_out_is_taken_from_a_day_on(home: Home, server: FakeImap) -> None:
    """The cursor stays, and the next pass of the daemon fetches nothing again."""
    inbox = configured(home, server, since="2026-01-01")
    poll(home, inbox)
    assert (uids(home), cursor(home)) == ([3], 3)
    assert take(home, inbox, date(2015, 1, 1)).stored == 1
    assert (uids(home), cursor(home)) == ([2, 3], 3)
    assert poll(home, inbox).seen == 0
    assert take(home, inbox).stored == 1
    assert take(home, inbox).seen == 0
    assert uids(home) == [1, 2, 3]


def test_an_import_before_the_first_pass_hides_no_mail_from_it(home: Home, server: FakeImap) -> None:
    """The cursor stays at its start: what the import's own day left out, the daemon still takes."""
    inbox = configured(home, server)
    assert take(home, inbox, date(2026, 1, 1)).stored == 1
    assert (uids(home), cursor(home)) == ([3], 0)
    assert poll(home, inbox).stored == 2
    assert (uids(home), cursor(home)) == ([1, 2, 3], 3)


def test_new_mail_is_left_to_the_daemon(home: Home, server: FakeImap) -> None:
    """What is above the cursor arrives, and `after` is for what arrives."""
    inbox = configured(home, server)
    poll(home, inbox)
    server.add(4, mail("no. 4", message_id="<4@example.org>"))
    assert take(home, inbox).seen == 0
    assert poll(home, inbox).stored == 1


def test_old_mail_stays_as_it_is_on_the_server(home: Home, server: FakeImap) -> None:
    """`after: seen` marks what the daemon took, and nothing of what was imported."""
    inbox = configured(home, server, since="2026-01-01", after="seen")
    poll(home, inbox)
    take(home, inbox)
    server.add(4, mail("no. 4", message_id="<4@example.org>"))
    poll(home, inbox)
    seen = {uid for uid, message in server.messages.items() if "\\Seen" in message.flags}
    assert seen == {3, 4}


def test_an_interrupted_import_goes_on(home: Home, server: FakeImap) -> None:
    """What was committed is not fetched again, and the note of the run says how it ended."""
    inbox = configured(home, server)
    with Vault.open(home.vault) as vault:
        take_in_old(inbox, vault, {}, stopped=lambda: True)
    (run,) = home.vault_rows("select trigger, error from runs")
    assert (run["trigger"], run["error"]) == ("import", "interrupted")
    take(home, inbox)
    assert uids(home) == [1, 2, 3]


def test_a_folder_that_was_numbered_anew_doubles_nothing(home: Home, server: FakeImap) -> None:
    """The mails are recognised without a download, and the daemon lists the folder as it would have."""
    inbox = configured(home, server)
    poll(home, inbox)
    server.uidvalidity = 8
    fetched = server.count("UID FETCH")
    assert (take(home, inbox).stored, cursor(home)) == (0, 0)
    assert poll(home, inbox).stored == 0
    assert len(home.vault_rows("select id from messages")) == 3
    assert server.count("UID FETCH") > fetched


def test_the_command_takes_a_folder_and_derives(home: Home, server: FakeImap) -> None:
    """`import --imap` says what came, and the newsletters are there."""
    configured(home, server)
    outcome = home.run("import", "--imap", "test", "--since", "2015-01-01", "--folder", "INBOX")
    assert outcome.code == 0, outcome.err
    assert "2 new, 0 same as another, 0 left out, 0 not handed over\nderived 2, failed 0" in outcome.out
    assert home.subjects() == ["no. 2", "no. 3"]


def test_old_mail_of_a_real_server_stays_there_and_is_known_in_its_files(
    home: Home, mail_user: MailUser
) -> None:
    """Dovecot keeps lines with LF and hands them out with CR LF: one message with two deliveries."""
    mail_user.create_folder("Archived")
    mail_user.deliver(mail("old"), internal_date=datetime(2020, 2, 1, tzinfo=UTC))
    mail_user.deliver(mail("new", message_id="<2@example.org>"))
    home.watch(mail_user, since="2026-01-01", after="move", move_to="Archived")
    assert home.run("poll").code == 0
    assert home.subjects() == ["new"]
    assert home.run("import", "--imap", "test").code == 0
    assert home.run("poll").code == 0
    assert (home.subjects(), len(mail_user.uids())) == (["new", "old"], 1)
    outcome = home.run("import", str(mail_user.maildir))
    assert "read 2: 0 new, 2 same as another, 0 imported before" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--imap", "nobody"], "no inbox named nobody"),
        (["--imap", "test", "--inbox", "test"], "leave out paths"),
        (["--since", "2020-01-01", "."], "belong to --imap"),
        ([], "name what to import"),
    ],
)
def test_a_wrong_combination_is_a_usage_error(
    home: Home, server: FakeImap, arguments: list[str], message: str
) -> None:
    """Exit code 2, and a sentence."""
    configured(home, server)
    outcome = home.run("import", *arguments)
    assert (outcome.code, message in outcome.err) == (2, True)
