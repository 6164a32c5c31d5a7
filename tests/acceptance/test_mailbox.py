"""What users of other tools suffered at the mailbox, and must not suffer here.

T numbers: the acceptance list.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.home import mail

if TYPE_CHECKING:
    from tests.support.dovecot import MailUser
    from tests.support.home import Home


def test_t02_a_mail_dated_2038_does_not_move_the_cursor(home: Home, mail_user: MailUser) -> None:
    """The cursor is the UID; what orders is the server's time; the sender's date is only stored."""
    home.watch(mail_user)
    mail_user.deliver(
        mail("from the future", date="Fri, 01 Jan 2038 00:00:00 +0000"),
        internal_date=datetime(2026, 3, 1, tzinfo=UTC),
    )
    assert home.run("poll").code == 0
    mail_user.deliver(
        mail("of today", message_id="<2@example.org>"), internal_date=datetime(2026, 3, 2, tzinfo=UTC)
    )
    assert home.run("poll").code == 0
    rows = home.rows("select subject, sent_at from newsletters order by received_at desc")
    assert [row["subject"] for row in rows] == ["of today", "from the future"]
    assert rows[1]["sent_at"] == "2038-01-01T00:00:00Z"


ODD = {
    "no subject": mail(None),
    "no message-id": mail("no id", message_id=None),
    "no from": mail("no from", sender=None),
    "NUL": mail("with NUL", "before\0after"),
    "comma in the name": mail("comma", sender="Foo, Inc. <news@example.com>"),
    "undisclosed recipients": mail("hidden").replace(
        b"To: reader@example.org", b"To: undisclosed-recipients:;"
    ),
    "8-bit header": mail("Grüße aus dem Garten"),
    "broken boundary": mail("broken", "--x\nno end", content_type='multipart/mixed; boundary="never"'),
    "only headers": b"Subject: alone\r\n\r\n",
    "no header at all": b"\r\njust a line\r\n",
}


def test_t03_odd_mails_are_stored_and_so_are_their_neighbours(home: Home, mail_user: MailUser) -> None:
    """Each odd mail is a row, done or failed with a reason, and the mails around it are all there."""
    home.watch(mail_user)
    for number, raw in enumerate(ODD.values()):
        mail_user.deliver(mail(f"neighbour {number}", message_id=f"<n{number}@example.org>"))
        mail_user.deliver(raw)
    mail_user.deliver(mail("the last neighbour", message_id="<last@example.org>"))
    assert home.run("poll").code == 0
    rows = home.rows("select subject, status, warnings, from_name, from_domain from newsletters order by id")
    assert len(rows) == 2 * len(ODD) + 1
    assert [row["subject"] for row in rows[::2]] == [
        *(f"neighbour {n}" for n in range(len(ODD))),
        "the last neighbour",
    ]
    assert all(row["status"] == "done" or row["warnings"] for row in rows)
    found = dict(zip(ODD, rows[1::2], strict=True))
    assert found["comma in the name"]["from_domain"] == "example.com"
    assert found["8-bit header"]["subject"] == "Grüße aus dem Garten"


def test_t04_a_second_poll_adds_nothing(home: Home, mail_user: MailUser) -> None:
    """`UID n:*` answers with the last message even when it is known."""
    home.watch(mail_user)
    mail_user.deliver_many([mail(f"no. {n}", message_id=f"<{n}@example.org>") for n in range(3)])
    home.run("poll")
    before = home.dump()
    outcome = home.run("poll")
    assert outcome.code == 0
    assert "0 new" in outcome.out
    assert home.dump() == before
    assert len(home.vault_rows("select * from deliveries")) == 3


@pytest.mark.parametrize("same_ids", [False, True], ids=["own-ids", "one-id-for-all"])
def test_t05_a_changed_uidvalidity_loses_and_doubles_nothing(
    home: Home, mail_user: MailUser, same_ids: bool
) -> None:
    """Mail is recognised by its bytes, also when Message-IDs and sizes repeat.

    What came meanwhile is taken in.
    """
    home.watch(mail_user)
    for n in range(4):
        mail_user.deliver(
            mail(f"no. {n}", message_id=None if same_ids and n == 0 else f"<{0 if same_ids else n}@x>")
        )
    assert home.run("poll").code == 0
    mail_user.expunge(mail_user.uids()[1])
    mail_user.set_uidvalidity(987_654_321)
    mail_user.deliver(mail("no. 4", message_id="<0@x>"))
    assert home.run("poll").code == 0
    assert sorted(home.subjects()) == [f"no. {n}" for n in range(5)]
    before = home.dump()
    assert "0 new" in home.run("poll").out
    assert home.dump() == before


def test_t06_a_gap_in_the_uids_is_crossed_in_one_search(home: Home, mail_user: MailUser) -> None:
    """UIDNEXT far above the number of mails neither hides mail nor costs a request for each UID."""
    home.watch(mail_user)
    mail_user.deliver(mail("before the gap"))
    mail_user.raise_uidnext(2_000_000)
    mail_user.deliver(mail("behind the gap", message_id="<2@example.org>"))
    assert home.run("poll").code == 0
    assert home.subjects() == ["before the gap", "behind the gap"]


def test_t09_a_mail_that_a_person_read_first_is_taken_in_and_stays_as_it_was(
    home: Home, mail_user: MailUser
) -> None:
    r"""\Seen is neither the work queue nor touched."""
    home.watch(mail_user)
    mail_user.deliver_many([mail("read"), mail("unread", message_id="<2@example.org>")])
    first, second = mail_user.uids()
    mail_user.server.doveadm(
        "flags", "add", "-u", mail_user.name, r"\Seen", "mailbox", "INBOX", "uid", str(first)
    )
    assert home.run("poll").code == 0
    assert home.subjects() == ["read", "unread"]
    assert mail_user.flags(first) == {r"\Seen"}
    assert mail_user.flags(second) == frozenset()


def test_after_seen_marks_what_is_committed(home: Home, mail_user: MailUser) -> None:
    """`after: seen` touches the mailbox only behind the commit, and only once."""
    home.watch(mail_user, after="seen")
    mail_user.deliver(mail())
    assert home.run("poll").code == 0
    (uid,) = mail_user.uids()
    assert mail_user.flags(uid) == {r"\Seen"}
    mail_user.server.doveadm(
        "flags", "remove", "-u", mail_user.name, r"\Seen", "mailbox", "INBOX", "uid", str(uid)
    )
    assert home.run("poll").code == 0
    assert mail_user.flags(uid) == frozenset()


def test_after_move_moves_what_is_committed(home: Home, mail_user: MailUser) -> None:
    """`after: move` leaves nothing behind and loses nothing."""
    mail_user.create_folder("Archived")
    home.watch(mail_user, after="move", move_to="Archived")
    mail_user.deliver_many([mail("one"), mail("two", message_id="<2@example.org>")])
    assert home.run("poll").code == 0
    assert home.subjects() == ["one", "two"]
    assert mail_user.uids() == []
    assert len(mail_user.uids("Archived")) == 2


def test_t16_a_wrong_password_is_one_clear_line(home: Home, mail_user: MailUser) -> None:
    """The inbox, the server's reply and the remedy; never the password."""
    home.watch(mail_user)
    (home.root / "secret").write_text("not the secret")
    outcome = home.run("check")
    assert outcome.code == 1
    (line,) = [line for line in outcome.out.splitlines() if "FAILED" in line]
    assert line.startswith("FAILED: inbox test (127.0.0.1:")
    assert "AUTHENTICATIONFAILED" in line
    assert "not the secret" not in outcome.out + outcome.err


def test_t16_a_bad_setting_is_exit_78_with_its_place(home: Home) -> None:
    """File, line, column, the line itself and a caret."""
    home.configure("inboxes:\n  - name: test\n    host: imap.example.org\n    pasword: x\n")
    outcome = home.run("poll")
    assert outcome.code == 78
    assert "inboxes.yaml:7:5" in outcome.err
    assert "did you mean" in outcome.err
    assert not home.vault.exists()


def test_an_unknown_folder_lists_those_that_exist(home: Home, mail_user: MailUser) -> None:
    """The other folders go on."""
    mail_user.create_folder("Politics")
    home.watch(mail_user, folders="[Newsletter, INBOX]")
    mail_user.deliver(mail())
    outcome = home.run("poll")
    assert outcome.code == 1
    assert "Politics" in outcome.err
    assert home.subjects() == ["A subject"]


def test_a_server_that_is_gone_is_exit_75(home: Home, mail_user: MailUser) -> None:
    """Nothing is wrong with the settings: try again later."""
    home.watch(mail_user, port=1)
    outcome = home.run("poll")
    assert outcome.code == 75
    assert "test" in outcome.err


def test_a_mail_over_the_limit_is_recorded_and_not_fetched(home: Home, mail_user: MailUser) -> None:
    """Its neighbours are stored, it is counted as skipped with the reason, and is not asked for again."""
    home.watch(mail_user, max_message="1MB")
    mail_user.deliver_many(
        [mail("before"), mail("huge", "x" * 1_100_000), mail("after", message_id="<3@example.org>")]
    )
    outcome = home.run("poll")
    assert outcome.code == 0
    assert "1 skipped" in outcome.out
    assert home.subjects() == ["before", "after"]
    (row,) = home.vault_rows("select skipped from deliveries where skipped is not null and skipped <> ''")
    assert "max_message" in row["skipped"]
    assert "skipped" not in home.run("poll").out


def test_a_corrupt_vault_is_reported_before_any_mail_is_touched(home: Home, mail_user: MailUser) -> None:
    """One clear line; the file is left as it is for a person to look at."""
    home.watch(mail_user, after="seen")
    mail_user.deliver(mail())
    home.vault.parent.mkdir()
    home.vault.write_bytes(b"this is no database, and longer than a header" * 40)
    home.vault.chmod(0o600)
    outcome = home.run("poll")
    assert outcome.code == 1
    assert "vault.db" in outcome.err
    assert "Traceback" not in outcome.err
    assert mail_user.flags(mail_user.uids()[0]) == frozenset()
    assert home.vault.read_bytes().startswith(b"this is no database")


def test_two_inboxes_with_one_mail_keep_one_message_and_two_deliveries(
    home: Home, mail_user: MailUser
) -> None:
    """The same bytes are one message, wherever they were delivered."""
    mail_user.create_folder("Copy")
    home.watch(mail_user, folders="[INBOX, Copy]")
    mail_user.deliver(mail())
    mail_user.deliver(mail(), folder="Copy")
    outcome = home.run("poll")
    assert "1 new, 1 known already" in outcome.out
    assert len(home.vault_rows("select * from deliveries")) == 2
    assert home.subjects() == ["A subject"]


def test_a_deleted_store_comes_back_at_the_next_poll(home: Home, mail_user: MailUser) -> None:
    """What the vault calls derived and the store does not hold is derived again."""
    home.watch(mail_user)
    mail_user.deliver(mail())
    home.run("poll")
    before = home.dump()
    for file in home.store.parent.glob("newsletters.db*"):
        file.unlink()
    assert home.run("poll").code == 0
    assert home.dump() == before
    with sqlite3.connect(home.store) as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    db.close()
