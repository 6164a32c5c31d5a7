"""What `after: seen` and `after: move` do to a mailbox, and to nothing else in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.mailbox.conftest import account_at
from watcher.mailbox import ChangeRefused, ConnectionLost, Fetched, FolderMissing, Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.dovecot import MailUser
    from tests.support.fake_imap import Exchange, FakeImap
    from watcher.mailbox import Account

    AccountOf = Callable[..., Account]

RAW = b"Subject: a\r\n\r\nhello\r\n"


def test_only_the_given_messages_are_marked(mail_user: MailUser, account_of: AccountOf) -> None:
    r"""`\Seen` is set on these, the others are untouched, and reading goes on read-only."""
    mail_user.deliver_many([RAW] * 4)
    with Session.open(account_of(mail_user)) as session:
        session.examine("INBOX")
        session.mark_seen("INBOX", [1, 3, 99])
        [batch] = session.fetch([2], {2: len(RAW)})
        assert isinstance(batch[0], Fetched)
    assert [mail_user.flags(uid) for uid in (1, 2, 3, 4)] == [{r"\Seen"}, set(), {r"\Seen"}, set()]


def test_marking_in_another_folder_keeps_the_open_one(mail_user: MailUser, account_of: AccountOf) -> None:
    """A fetch that is under way goes on in its own folder."""
    mail_user.deliver_many([RAW] * 2)
    mail_user.deliver(RAW + b"other", "Other")
    with Session.open(account_of(mail_user)) as session:
        session.examine("INBOX")
        batches = session.fetch([1, 2], session.sizes([1, 2]), messages=1)
        next(batches)
        session.mark_seen("Other", [1])
        assert [item.uid for batch in batches for item in batch] == [2]
    assert mail_user.flags(1, "Other") == {r"\Seen"}
    assert mail_user.flags(1) == frozenset()


@pytest.mark.parametrize("without_move", [False, True], ids=["MOVE", "COPY and UID EXPUNGE"])
def test_moving_takes_nobody_elses_mail_along(
    mail_user: MailUser, account_of: AccountOf, *, without_move: bool
) -> None:
    r"""What another client has marked as `\Deleted` stays: only the given UIDs are expunged."""
    mail_user.deliver_many([RAW + b"%d" % number for number in range(4)])
    mail_user.create_folder("Archive")
    mail_user.server.doveadm(
        "flags", "add", "-u", mail_user.name, r"\Deleted", "mailbox", "INBOX", "uid", "4"
    )
    with Session.open(account_of(mail_user)) as session:
        if without_move:
            session.capabilities -= {"MOVE"}
        session.examine("INBOX")
        session.move("INBOX", [1, 3], "Archive")
        assert session.new_uids(0, 0) == [2, 4]
        assert session.examine("Archive").exists == 2
        [batch] = session.fetch([1, 2], session.sizes([1, 2]))
        assert [item.raw for item in batch if isinstance(item, Fetched)] == [RAW + b"0", RAW + b"2"]
    assert mail_user.uids() == [2, 4]


def test_a_missing_target_leaves_everything_where_it_is(mail_user: MailUser, account_of: AccountOf) -> None:
    """The error names the target and the folders that exist."""
    mail_user.deliver(RAW)
    with Session.open(account_of(mail_user)) as session:
        session.examine("INBOX")
        with pytest.raises(FolderMissing, match="there is no folder Nowhere"):
            session.move("INBOX", [1], "Nowhere")
        assert session.new_uids(0, 0) == [1]


def test_a_server_that_cannot_move_safely_is_not_asked_to(fake: FakeImap) -> None:
    """Without MOVE and UIDPLUS only a plain EXPUNGE is left, which removes what others have marked."""
    fake.capabilities = "IMAP4rev1"
    fake.add(1, RAW)
    with Session.open(account_at(fake.port)) as session:
        session.examine("INBOX")
        with pytest.raises(ChangeRefused, match="marked as deleted"):
            session.move("INBOX", [1], "INBOX")
    assert fake.count("SELECT") == 0
    assert fake.count("EXPUNGE") == 0


def test_nothing_is_changed_when_uids_have_changed_their_meaning(
    mail_user: MailUser, account_of: AccountOf
) -> None:
    """A new UIDVALIDITY since EXAMINE: the UIDs may be other messages now."""
    mail_user.deliver_many([RAW] * 2)
    with Session.open(account_of(mail_user)) as session:
        session.examine("INBOX")
        mail_user.set_uidvalidity(12345678)
        with pytest.raises(ConnectionLost):
            session.mark_seen("INBOX", [1])
    assert mail_user.flags(1) == frozenset()


@pytest.mark.parametrize("moment", ["EXAMINE", "SELECT"])
def test_uidvalidity_is_compared_each_time_a_folder_is_opened(fake: FakeImap, moment: str) -> None:
    """Also the folder that is opened again afterwards must be the one from before."""
    fake.add(1, RAW)
    with Session.open(account_at(fake.port)) as session:
        session.examine("INBOX")

        def changed(exchange: Exchange) -> None:
            fake.uidvalidity = 8
            fake.answer(exchange)

        fake.on(moment, changed)
        with pytest.raises(ConnectionLost, match="the UIDVALIDITY of INBOX has changed"):
            session.mark_seen("INBOX", [1])
    assert fake.count("UID STORE") == (0 if moment == "SELECT" else 1)


def test_a_folder_that_is_read_only_is_said_to_be(fake: FakeImap) -> None:
    """A shared folder may be readable and no more; the session goes on."""
    fake.add(1, RAW)
    fake.on("SELECT", lambda exchange: fake._examine(exchange, "READ-ONLY"))
    with Session.open(account_at(fake.port)) as session:
        session.examine("INBOX")
        with pytest.raises(ChangeRefused, match="can only be read"):
            session.mark_seen("INBOX", [1])
        assert session.new_uids(0, 0) == [1]


def test_a_refused_change_is_told(fake: FakeImap) -> None:
    """A NO to STORE is no reason to doubt the mail."""
    fake.add(1, RAW)
    fake.on("UID STORE", lambda exchange: exchange.no("[NOPERM] not yours"))
    with Session.open(account_at(fake.port)) as session:
        session.examine("INBOX")
        with pytest.raises(ChangeRefused, match=r"\[NOPERM\] not yours; their archived copies are safe"):
            session.mark_seen("INBOX", [1])
        assert isinstance(next(iter(session.fetch([1], {1: len(RAW)})))[0], Fetched)
