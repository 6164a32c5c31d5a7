"""Reading a mailbox, against a real Dovecot."""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from imapclient import IMAPClient

from watcher.mailbox import Fetched, FolderMissing, FolderState, MessageUnavailable, Security, Session
from watcher.mailbox import session as session_module

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.support.dovecot import Dovecot, MailUser
    from watcher.mailbox import Account

    AccountOf = Callable[..., Account]

RAW = b"From: news@example.org\r\nMessage-ID: <one@example.org>\r\nSubject: one\r\n\r\nhello\r\n"


def numbered(number: int) -> bytes:
    return RAW.replace(b"one", b"no-%d" % number)


def bodies(session: Session, uids: Sequence[int], **options: int) -> dict[int, bytes]:
    """Return what arrives when these are fetched; nothing may be unavailable."""
    found = {}
    for batch in session.fetch(uids, session.sizes(uids), **options):
        for item in batch:
            assert isinstance(item, Fetched)
            found[item.uid] = item.raw
    return found


@pytest.mark.parametrize("security", list(Security))
def test_mail_arrives_byte_for_byte(dovecot: Dovecot, account_of: AccountOf, security: Security) -> None:
    """Plain text, STARTTLS and implicit TLS bring the same bytes, with the server's own time."""
    user = dovecot.user()
    moment = datetime(2024, 2, 29, 23, 30, tzinfo=UTC)
    raw = RAW + bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n"
    user.deliver(raw, internal_date=moment)
    with Session.open(account_of(user, security)) as session:
        state = session.examine("INBOX")
        assert (state.uidnext, state.exists) == (2, 1)
        [[message]] = session.fetch([1], session.sizes([1]))
    assert message == Fetched(uid=1, raw=raw, internal_date=moment, size=len(raw))


def test_reading_leaves_no_trace(mail_user: MailUser, account_of: AccountOf) -> None:
    r"""Neither `\Seen` nor any other flag is set by reading, and `\Recent` is left to other clients."""
    mail_user.deliver(RAW)
    with Session.open(account_of(mail_user)) as session:
        session.examine("INBOX")
        assert bodies(session, [1]) == {1: RAW}
        assert session.message_ids([1]) == {1: "<one@example.org>"}
    assert mail_user.flags(1) == frozenset()
    with IMAPClient(mail_user.server.host, mail_user.server.port, ssl=False) as other:
        other.login(mail_user.name, mail_user.password)
        assert other.select_folder("INBOX")[b"RECENT"] == 1


def test_only_what_lies_above_the_cursor_is_new(mail_user: MailUser, account_of: AccountOf) -> None:
    """`n:*` answers with the last message although its UID is below n: it must not come back."""
    mail_user.deliver_many(numbered(number) for number in range(3))
    with Session.open(account_of(mail_user)) as session:
        state = session.examine("INBOX")
        assert session.new_uids(0, state.uidnext) == [1, 2, 3]
        assert session.new_uids(2, state.uidnext) == [3]
        assert session.new_uids(3, state.uidnext) == []
        assert session.new_uids(3, uidnext=0) == []
        assert session.new_uids(1000, uidnext=0) == []


def test_a_gap_of_billions_of_uids_costs_one_search(mail_user: MailUser, account_of: AccountOf) -> None:
    """UIDs are found by searching, never by counting up to UIDNEXT."""
    mail_user.deliver(numbered(1))
    mail_user.raise_uidnext(4_000_000_000)
    mail_user.deliver(numbered(2))
    with Session.open(account_of(mail_user)) as session:
        state = session.examine("INBOX")
        assert state.uidnext == 4_000_000_001
        uids = session.new_uids(0, state.uidnext)
        assert uids == [1, 4_000_000_000]
        assert bodies(session, uids) == {1: numbered(1), 4_000_000_000: numbered(2)}


@pytest.mark.parametrize("after", [0, 1, 4, 7, 10, 11])
def test_windows_find_what_one_search_finds(
    mail_user: MailUser, account_of: AccountOf, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """A folder with more messages than one answer may hold is searched in windows, without a hole."""
    monkeypatch.setattr(session_module, "SEARCH_WINDOW", 3)
    mail_user.deliver_many(numbered(number) for number in range(8))
    mail_user.expunge(5)
    mail_user.raise_uidnext(1000)
    mail_user.deliver_many(numbered(number) for number in range(3))
    with Session.open(account_of(mail_user)) as session:
        state = session.examine("INBOX")
        expected = [uid for uid in (1, 2, 3, 4, 6, 7, 8, 1000, 1001, 1002) if uid > after]
        assert session.new_uids(after, state.uidnext) == expected


def test_a_new_uidvalidity_is_told(mail_user: MailUser, account_of: AccountOf) -> None:
    """What EXAMINE says is the folder's state now."""
    mail_user.deliver(RAW)
    mail_user.set_uidvalidity(12345678)
    with Session.open(account_of(mail_user)) as session:
        assert session.examine("INBOX") == FolderState(uidvalidity=12345678, uidnext=2, exists=1)


def test_vanished_messages_are_left_out(mail_user: MailUser, account_of: AccountOf) -> None:
    """A message that somebody expunges between search and fetch is not an error."""
    mail_user.deliver_many(numbered(number) for number in range(3))
    with Session.open(account_of(mail_user)) as session:
        session.examine("INBOX")
        mail_user.expunge(2)
        sizes = dict.fromkeys((1, 2, 3, 99), len(numbered(0)))
        [batch] = session.fetch([1, 2, 3, 99], sizes)  # Dovecot answers for 2, with a body of NIL
        assert [type(item) for item in batch] == [Fetched, Fetched]
        assert [item.uid for item in batch] == [1, 3]
        assert session.sizes([1, 2, 3, 99]) == {1: sizes[1], 3: sizes[3]}


def test_batches_are_cut_by_number_and_by_bytes(
    mail_user: MailUser, account_of: AccountOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch holds as many messages as its limits allow, and each message comes once."""
    mail_user.deliver_many(numbered(number) for number in range(7))
    with Session.open(account_of(mail_user)) as session:
        session.examine("INBOX")
        uids = [7, 1, 2, 3, 4, 5, 6]
        sizes = session.sizes(uids)
        assert [len(batch) for batch in session.fetch(uids, sizes, messages=3)] == [3, 3, 1]
        monkeypatch.setattr("watcher.mailbox.uids.BATCH_BYTES", 2 * sizes[1] + 1)
        assert [[item.uid for item in batch] for batch in session.fetch(uids, sizes)] == [
            [1, 2],
            [3, 4],
            [5, 6],
            [7],
        ]


def test_what_is_too_large_is_not_asked_for(mail_user: MailUser, account_of: AccountOf) -> None:
    """A message over the limit stands in its place as unavailable, and its neighbours arrive."""
    mail_user.deliver_many([numbered(1), numbered(2) + b"x" * 5000, numbered(3)])
    with Session.open(account_of(mail_user)) as session:
        session.examine("INBOX")
        [batch] = session.fetch([1, 2, 3], session.sizes([1, 2, 3]), 1000)
    assert isinstance(batch[0], Fetched)
    assert isinstance(batch[1], MessageUnavailable)
    assert batch[1].uid == 2
    assert "over the limit of 1000" in batch[1].reason
    assert isinstance(batch[2], Fetched)


def test_large_mail_and_many_uids_arrive(mail_user: MailUser, account_of: AccountOf) -> None:
    """Scattered UIDs are cut into commands that the server accepts, and a large body comes whole."""
    mail_user.deliver(RAW + b"x" * 3_000_000)
    scattered = list(range(1, 200_000, 17))
    with Session.open(account_of(mail_user)) as session:
        session.examine("INBOX")
        assert session.sizes(scattered) == {1: len(RAW) + 3_000_000}
        assert len(bodies(session, [1])[1]) == len(RAW) + 3_000_000


def test_fingerprints_tell_messages_apart_without_their_bodies(
    mail_user: MailUser, account_of: AccountOf
) -> None:
    """Message-ID, size and INTERNALDATE come for each message, with Message-ID or without."""
    moment = datetime(2025, 7, 1, 8, 0, tzinfo=UTC)
    raws = [RAW, b"Subject: none\r\n\r\n", b"Message-ID:\r\n <folded@example.org>\r\n\r\n"]
    for raw in raws:
        mail_user.deliver(raw, internal_date=moment)
    with Session.open(account_of(mail_user)) as session:
        session.examine("INBOX")
        marks = session.fingerprints([1, 2, 3])
        assert session.message_ids([1, 2, 3, 4]) == {
            1: "<one@example.org>",
            2: "",
            3: "<folded@example.org>",
        }
    assert [mark.message_id for mark in marks.values()] == ["<one@example.org>", "", "<folded@example.org>"]
    assert {(mark.size, mark.internal_date) for mark in marks.values()} == {
        (len(raw), moment) for raw in raws
    }


def test_folders_have_readable_names(mail_user: MailUser, account_of: AccountOf) -> None:
    """Names are plain text here and modified UTF-7 on the wire; what cannot be opened is not listed."""
    mail_user.deliver(RAW, "Rundbriefe & Grüße")
    mail_user.deliver(RAW, "Lists.Daily")  # `Lists` itself is \Noselect
    with Session.open(account_of(mail_user)) as session:
        assert sorted(session.folders()) == ["INBOX", "Lists.Daily", "Rundbriefe & Grüße"]
        assert session.examine("Rundbriefe & Grüße").exists == 1


def test_a_missing_folder_is_named_with_those_that_exist(mail_user: MailUser, account_of: AccountOf) -> None:
    """The error lists the folders that there are, and the session goes on."""
    mail_user.deliver(RAW, "Newsletters")
    with Session.open(account_of(mail_user)) as session:
        with pytest.raises(FolderMissing) as caught:
            session.examine("Newsletter")
        assert caught.value.folder == "Newsletter"
        assert set(caught.value.available) == {"INBOX", "Newsletters"}
        assert "there are: INBOX, Newsletters" in str(caught.value)
        assert session.examine("Newsletters").exists == 1


def test_capabilities_are_those_after_the_login(mail_user: MailUser, account_of: AccountOf) -> None:
    """Dovecot tells more once the user is known, and that is what counts."""
    with Session.open(account_of(mail_user)) as session:
        assert {"IDLE", "MOVE", "UIDPLUS", "CONDSTORE"} <= session.capabilities


def test_nothing_of_a_mail_or_login_is_logged(
    mail_user: MailUser,
    account_of: AccountOf,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not even with every logger on DEBUG and imaplib's own debugging switched on."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "imapclient.imaplib")
    mail_user.deliver(RAW)
    with Session.open(account_of(mail_user)) as session:
        session._conversation._client._imap.debug = 5
        session.examine("INBOX")
        assert bodies(session, [1]) == {1: RAW}
        kept = vars(session._conversation._client._imap).get("_cmd_log")
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")
    assert not kept


def test_lmtp_deliveries_are_new_mail(mail_user: MailUser, account_of: AccountOf) -> None:
    """What the server adds in front is part of the mail."""
    mail_user.deliver_lmtp(RAW)
    with Session.open(account_of(mail_user)) as session:
        session.examine("INBOX")
        raw = bodies(session, [1])[1]
    assert raw.startswith(b"Return-Path:")
    assert raw.endswith(RAW)


def test_a_fetch_can_be_left_in_the_middle(mail_user: MailUser, account_of: AccountOf) -> None:
    """Between two batches the connection is free for other commands."""
    mail_user.deliver_many(numbered(number) for number in range(4))
    with Session.open(account_of(mail_user)) as session:
        state = session.examine("INBOX")
        with closing(session.fetch([1, 2, 3, 4], session.sizes([1, 2, 3, 4]), messages=2)) as batches:
            assert len(next(batches)) == 2
            assert session.new_uids(3, state.uidnext) == [4]
