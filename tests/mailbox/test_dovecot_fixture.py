"""The test server keeps its promises: everything else here is built on them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from imapclient import IMAPClient

if TYPE_CHECKING:
    from tests.support.dovecot import Dovecot

RAW = b"From: news@example.org\r\nSubject: one\r\n\r\nhello\r\n"


def test_the_server_gives_back_what_was_delivered(dovecot: Dovecot) -> None:
    """Bytes, order, folder and INTERNALDATE are those of the delivery."""
    user = dovecot.user()
    moment = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
    user.deliver(RAW, internal_date=moment)
    user.deliver_many([RAW + b"%d\r\n" % number for number in range(20)])
    user.deliver(RAW, "Grüße.Zwei")
    with IMAPClient(dovecot.host, dovecot.port, ssl=False) as client:
        client.normalise_times = False
        client.login(user.name, user.password)
        client.select_folder("INBOX", readonly=True)
        rows = client.fetch(client.search(), ["BODY.PEEK[]", "INTERNALDATE"])
        assert rows[1][b"INTERNALDATE"] == moment
        assert [rows[uid][b"BODY[]"] for uid in sorted(rows)] == [
            RAW,
            *(RAW + b"%d\r\n" % number for number in range(20)),
        ]
        assert "Grüße.Zwei" in [name for _, _, name in client.list_folders()]


def test_lmtp_delivers(dovecot: Dovecot) -> None:
    """A mail handed over by LMTP is in INBOX when the call returns."""
    user = dovecot.user()
    user.deliver_lmtp(RAW)
    assert user.uids() == [1]


def test_uids_and_uidvalidity_can_be_moved(dovecot: Dovecot) -> None:
    """A gap in the UIDs and a new UIDVALIDITY are seen by a client."""
    user = dovecot.user()
    user.deliver(RAW)
    user.raise_uidnext(5000)
    user.deliver(RAW)
    assert user.uids() == [1, 5000]
    user.set_uidvalidity(12345678)
    with IMAPClient(dovecot.host, dovecot.port, ssl=False) as client:
        client.login(user.name, user.password)
        assert client.select_folder("INBOX", readonly=True)[b"UIDVALIDITY"] == 12345678


def test_flags_tell_what_a_client_did(dovecot: Dovecot) -> None:
    """The fixture sees the flags that a client set, and messages that it removed."""
    user = dovecot.user()
    user.deliver_many([RAW, RAW])
    assert user.flags(1) == frozenset()
    with IMAPClient(dovecot.host, dovecot.port, ssl=False) as client:
        client.login(user.name, user.password)
        client.select_folder("INBOX")
        client.add_flags([1], [rb"\Seen"])
    assert user.flags(1) == {r"\Seen"}
    user.expunge(1)
    assert user.uids() == [2]
