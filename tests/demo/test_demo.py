"""The demo: sample newsletters that look like real ones, and the IMAP server that holds them."""

from __future__ import annotations

import base64
import imaplib
import re
import sys
import threading
import zlib
from email import message_from_bytes
from email.policy import default
from email.utils import getaddresses, parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from watcher.demo import READER, samples
from watcher.demo.server import DemoError, demo_server

if TYPE_CHECKING:
    from email.message import EmailMessage

MAILS = samples()


def parsed(mail: bytes) -> EmailMessage:
    return message_from_bytes(mail, policy=default)


def subject(mail: bytes) -> str:
    return str(parsed(mail)["Subject"])


def test_there_is_a_dozen_of_different_platforms() -> None:
    """At least twelve samples, each with a subject of its own, in German and as plain text, too."""
    assert len(MAILS) >= 12
    assert len({subject(mail) for mail in MAILS}) == len(MAILS)
    assert any("ä" in subject(mail) for mail in MAILS)
    assert any(parsed(mail).get_content_type() == "text/plain" for mail in MAILS)


@pytest.mark.parametrize("mail", MAILS, ids=subject)
def test_a_sample_is_a_complete_mail(mail: bytes) -> None:
    """CRLF line ends, 7-bit, no line beyond 998 characters, bodies that decode, the headers of a delivery."""
    assert not re.search(rb"(?<!\r)\n", mail)
    assert mail.isascii()
    assert max(map(len, mail.split(b"\r\n"))) <= 998
    message = parsed(mail)
    for header in (
        "Return-Path",
        "Delivered-To",
        "Received",
        "Authentication-Results",
        "From",
        "Date",
        "Message-ID",
    ):
        assert message[header], header
    bodies = [part for part in message.walk() if part.get_content_maintype() == "text"]
    assert all(part.get_content().strip() and not part.defects for part in bodies)


@pytest.mark.parametrize("mail", MAILS, ids=subject)
def test_a_sample_names_nobody(mail: bytes) -> None:
    """The only reader is reader@example.org; the sender's own hosts are example hosts or the platform's."""
    message = parsed(mail)
    assert message["Delivered-To"] == READER
    (_, author), *others = getaddresses([str(message["From"])])
    assert not others
    assert re.search(
        r"@(?:[\w-]+\.)*(?:example\.(?:org|com)|substack\.com|mail\.beehiiv\.com|govdelivery\.com)$", author
    )


@pytest.mark.parametrize("mail", MAILS, ids=subject)
def test_a_sample_was_received_by_the_demos_own_server(mail: bytes) -> None:
    """The topmost results are those of mx.example.org, which the demo's settings trust."""
    message = parsed(mail)
    assert "by mx.example.org" in re.sub(r"\s+", " ", message.get_all("Received")[0])
    assert str(message["Authentication-Results"]).startswith("mx.example.org")


def test_mailgun_tokens_open_offline() -> None:
    """The click links of the Mailgun samples are real tokens: base64url, zlib, a query with the target."""
    targets = []
    for mail in MAILS:
        for part in parsed(mail).walk():
            if part.get_content_type() == "text/html":
                for token in re.findall(
                    r"https://email\.riverwatch\.example\.org/c/(eJ[\w-]+)", part.get_content()
                ):
                    query = zlib.decompress(
                        base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
                    ).decode()
                    targets.append(parse_qs(query)["l"][0])
                    assert parse_qs(query)["r"] == [READER]
    assert "https://maps.example.com/weir?lat=51.5&lon=7.1" in targets
    assert len(targets) >= 5


def test_the_server_holds_the_samples_byte_for_byte() -> None:
    """What a client fetches is what was put in, dated by its topmost Received field."""
    with demo_server(MAILS) as server, imaplib.IMAP4(server.host, server.port) as session:
        assert server.host == "127.0.0.1"
        session.login(server.username, server.password)
        status, count = session.select("INBOX", readonly=True)
        assert (status, count) == ("OK", [str(len(MAILS)).encode()])
        _, answer = session.uid("FETCH", "1:*", "(INTERNALDATE BODY.PEEK[])")
        fetched = [item for item in answer if isinstance(item, tuple)]
        assert [body for _, body in fetched] == list(MAILS)
        for (line, _), mail in zip(fetched, MAILS, strict=True):
            arrived = re.search(rb'INTERNALDATE "([^"]+)"', line)
            assert arrived is not None
            stamp = parsed(mail).get_all("Received")[0].rpartition(";")[2]
            assert parsedate_to_datetime(arrived[1].decode().replace("-", " ")) == parsedate_to_datetime(
                stamp
            )


def test_the_server_wants_its_password_and_never_shows_it() -> None:
    """A wrong password is refused, and the password is in no representation."""
    with demo_server(()) as server:
        assert server.password not in repr(server)
        with imaplib.IMAP4(server.host, server.port) as session, pytest.raises(imaplib.IMAP4.error):
            session.login(server.username, "wrong")


def test_the_server_ends_with_its_block(capfd: pytest.CaptureFixture[str]) -> None:
    """Port closed, thread gone, nothing printed, also with a client still connected."""
    with demo_server(MAILS[:1]) as server:
        session = imaplib.IMAP4(server.host, server.port)
    session.shutdown()
    assert not [thread for thread in threading.enumerate() if thread.name == "demo-imap"]
    with pytest.raises(ConnectionRefusedError):
        imaplib.IMAP4(server.host, server.port)
    assert capfd.readouterr() == ("", "")


def test_a_mail_without_a_date_arrives_now() -> None:
    """A mail that no server has stamped, or that is stamped with nonsense, is taken in all the same."""
    mails = (
        b"Subject: bare\r\n\r\nx\r\n",
        b"Received: by mx.example.org; some day\r\nSubject: odd\r\n\r\nx\r\n",
    )
    with demo_server(mails) as server, imaplib.IMAP4(server.host, server.port) as session:
        session.login(server.username, server.password)
        assert session.select("INBOX", readonly=True)[1] == [b"2"]


def test_missing_pymap_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's library is an extra; the message says which one."""
    monkeypatch.setitem(sys.modules, "pymap.backend.dict", None)
    with pytest.raises(DemoError, match=r"newsletter-watcher\[demo\]"), demo_server(()):
        pass


def test_a_server_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault inside the library is reported where the demo waits for it, not lost in a thread."""
    from pymap.backend.dict import DictBackend

    async def broken(*_: object) -> None:
        raise RuntimeError("no such option")

    monkeypatch.setattr(DictBackend, "init", broken)
    with pytest.raises(DemoError, match="no such option"), demo_server(()):
        pass
