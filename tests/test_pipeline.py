"""derive(): one mail in, one record out, whatever the mail is."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.home import READER, mail
from watcher import cleaning
from watcher.pipeline import PIPELINE_VERSION, Context, attribute, derive
from watcher.provider import Receiver
from watcher.record import Authentication, Kind, Sender, SenderMatch, Status, Tracker
from watcher.sender import Registered, Registry

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = Context(inbox="test", received_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC))


def test_a_defect_in_the_rules_costs_one_mail_and_quotes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the class of the exception; its text may be the mail's, and stays out."""

    def broken(*_: object) -> None:
        raise ValueError("words of the mail")

    monkeypatch.setattr(cleaning, "clean", broken)
    record = derive(mail(), CONTEXT)
    assert record.status is Status.FAILED
    assert record.warnings == ("record: the rules stopped with ValueError",)
    assert "words of the mail" not in str(asdict(record))
    assert (record.inbox, record.received_at) == ("test", "2026-03-01T09:30:00Z")


def test_an_empty_mail_fails_with_its_reason() -> None:
    """Nothing can be made of no bytes."""
    assert derive(b"", CONTEXT).warnings == ("the message is empty",)


def test_an_amp_view_is_counted_and_never_shown() -> None:
    """It loads from its sender whenever it is displayed."""
    body = (
        "--b\nContent-Type: text/plain\n\nWords for everyone.\n"
        "--b\nContent-Type: text/x-amp-html\n\n<html amp4email>"
        "<amp-img src='https://t.example.com/p'></html>\n--b--\n"
    )
    record = derive(mail(body=body, content_type='multipart/alternative; boundary="b"'), CONTEXT)
    assert record.trackers == (Tracker("amp", "", "amp part"),)
    assert record.attachments == ()
    assert "t.example.com" not in str(asdict(record))


def test_the_reader_is_taken_out_of_the_fields_around_the_body() -> None:
    """Subject, author, attachment names: also when the mail alone names the reader; and it is counted."""
    body = (
        f"--b\nContent-Type: text/plain\n\nWords.\n--b\nContent-Type: application/pdf\n"
        f'Content-Disposition: attachment; filename="for {READER}.pdf"\n\nx\n--b--\n'
    )
    raw = mail(
        f"For {READER}",
        body,
        sender=f'"{READER}" <news@example.org>',
        content_type='multipart/mixed; boundary="b"',
    )
    record = derive(raw, CONTEXT)
    assert READER not in str(asdict(record))
    assert record.subject == "For [redacted]"
    assert record.redactions == 3


def test_an_author_who_writes_to_the_list_s_own_address_stays() -> None:
    """Mailing lists put their own address into To: the author is public."""
    record = derive(mail(sender=f"The list <{READER}>"), CONTEXT)
    assert record.author.address == READER


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_bytes_give_the_same_record_in_any_process(seed: str, tmp_path: Path) -> None:
    """Neither the hash seed nor the time matters."""
    file = tmp_path / "mail.eml"
    html = "".join(f'<p><a href="https://example.com/{n}?utm_source=x">{n}</a></p>' for n in range(9))
    file.write_bytes(mail(body=html, content_type="text/html; charset=utf-8", headers="X-MC-User: 0a0b"))
    code = (
        "import sys; from datetime import datetime, UTC; from watcher.pipeline import *\n"
        "print(derive(open(sys.argv[1], 'rb').read(), Context('test', "
        "datetime(2026, 3, 1, 9, 30, tzinfo=UTC))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    assert done.stdout.strip() == repr(derive(file.read_bytes(), CONTEXT))
    assert PIPELINE_VERSION in done.stdout


RESULTS = (
    "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=me@{}; dmarc=fail header.from=b.example"
)


@pytest.mark.parametrize(
    ("envelope", "shown"), [("bounce.example.com", "bounce.example.com"), ("example.org", "")]
)
def test_the_receiver_s_results_are_kept_without_the_reader_s_own_domain(envelope: str, shown: str) -> None:
    """A forwarder puts the reader's domain into MAIL FROM; whose domain it is is nobody's business."""
    context = replace(CONTEXT, receiver=Receiver("mx.example.net"), addresses=frozenset({READER}))
    raw = mail(sender="News <news@example.com>", headers=RESULTS.format(envelope))
    assert derive(raw, context).authentication == (
        Authentication("spf", "pass", shown),
        Authentication("dmarc", "fail", "b.example"),
    )
    assert derive(raw, CONTEXT).authentication == ()


def test_the_reason_of_a_kind_is_kept() -> None:
    """Whoever misses a mail in the lists can see why it is not in them."""
    record = derive(mail(headers="Auto-Submitted: auto-replied"), CONTEXT)
    assert (record.kind, record.kind_reason) == (Kind.AUTO_REPLY, "header Auto-Submitted")


def test_a_mail_through_a_delivery_service_is_not_personal() -> None:
    """One author and one reader make no letter when a program sent it."""
    assert derive(mail(sender="Jane <jane@example.com>"), CONTEXT).kind is Kind.PERSONAL
    record = derive(mail(sender="Jane <jane@example.com>", headers="X-SG-EID: u001\nX-SG-ID: u002"), CONTEXT)
    assert [each.layer for each in record.providers] == ["delivery"]
    assert record.kind is Kind.UNKNOWN


SENDERS = Registry.compile(
    [
        Registered(Sender("by-list", "L"), list_ids=("river.example.org",)),
        Registered(Sender("by-alias", "A"), aliases=("reader+a@example.org",)),
        Registered(Sender("by-account", "P"), accounts=("mailchimp:0123456789abcdef0123",)),
        Registered(Sender("by-reader", "R"), addresses=(READER,)),
        Registered(Sender("by-domain", "D"), domains=("example.com", "b\xfccher.example")),
    ]
)
MAILS = {
    "list": mail(headers="List-Id: River <river.example.org>"),
    "alias": mail(headers="Delivered-To: reader+a@example.org"),
    "account": mail(headers="X-MC-User: 0123456789abcdef0123"),
    "the reader as author": mail(sender=f"Me <{READER}>"),
    "domain": mail(sender="News <news@mail.example.com>"),
    "nobody": mail(),
    "8-bit fields in the charset of the body": mail(
        body="x", content_type="text/plain; charset=iso-8859-1", sender="N <n@b\xfccher.example>"
    ).replace("\xfc".encode(), b"\xfc"),
    "no header block": b"\r\nWords\r\n",
    "a body like headers": mail(body="List-Id: <river.example.org>"),
}


@pytest.mark.parametrize("name", MAILS)
def test_the_sender_is_found_from_the_header_block_alone(name: str) -> None:
    """`attribute` and `derive` never differ, in the sender or in the reason."""
    context = replace(CONTEXT, registry=SENDERS, addresses=frozenset({READER}))
    assert attribute(MAILS[name], context) == derive(MAILS[name], context).sender


def test_a_reason_that_names_the_reader_is_redacted_and_counts_as_no_text_of_the_mail() -> None:
    """A change of the registry changes the sender and its reason, and nothing else in a row."""
    raw = mail(sender=f"Me <{READER}>")
    with_sender = derive(raw, replace(CONTEXT, registry=SENDERS, addresses=frozenset({READER})))
    without = derive(raw, replace(CONTEXT, addresses=frozenset({READER})))
    assert with_sender.sender == SenderMatch("by-reader", "address: [redacted]")
    assert replace(with_sender, sender=None) == without


def test_text_of_attachments_is_kept_on_request_and_cleaned() -> None:
    """Off, an attachment is listed; on, what can be read of it is there without the reader and his links."""
    note = "\n".join(
        [
            "--edge",
            "Content-Type: text/plain",
            "",
            "The mail.",
            "--edge",
            'Content-Type: text/plain; name="notes.txt"',
            "Content-Disposition: attachment",
            "",
            f"Minutes for {READER}: https://list.example.com/unsubscribe?u=0123456789abcdef0123456789abcdef",
            "--edge",
            'Content-Type: text/plain; name="fake.txt"',
            "Content-Disposition: attachment",
            "",
            "%PDF-1.7",
            "--edge--",
        ]
    )
    raw = mail(body=note, content_type='multipart/mixed; boundary="edge"')
    (listed, fake) = derive(raw, CONTEXT).attachments
    assert (listed.text, listed.detected, fake.detected) == ("", "text/plain", "application/pdf")
    (indexed, fake) = derive(raw, replace(CONTEXT, index_attachments=True)).attachments
    assert indexed.text.startswith("Minutes for [redacted]: ")
    assert "0123456789abcdef" not in indexed.text
    assert fake.text == ""
