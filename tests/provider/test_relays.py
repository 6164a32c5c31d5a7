"""Lists, aliases and forwards: who re-sent a mail, and who wrote it before that."""

from __future__ import annotations

import pytest

from tests.support.headers import mail
from watcher.provider import Receiver, detect

POSTFIX = Receiver("mx.example.org", ("*.example.org",))

GOOGLE_GROUPS = """
    Authentication-Results: mx.example.org; dkim=pass header.d=googlegroups.com
    Received: from mail-pl1-x1.google.com (mail-pl1-x1.google.com [192.0.2.9]) by mx.example.org (Postfix)
    Received: from o1.sendgrid.net (o1.sendgrid.net [192.0.2.10]) by gmr-mx.google.com
    Return-Path: <list+bnc1@googlegroups.com>
    From: "'Weekly' via List" <list@googlegroups.com>
    Reply-To: Weekly <weekly@example.com>
    x-beehiiv-type: newsletter
    x-beehiiv-ids: {"campaign_id":"aaaa"}
    X-SG-EID: u001.AAAA
    X-Original-From: Weekly <weekly@mail.example.com>
    X-Google-Group-Id: 1001
    List-ID: <list.googlegroups.com>
    """


def test_a_list_is_the_relay_and_lifts_nobody() -> None:
    """What our receiver saw is the list's; the platform's headers that leaked through are claims."""
    detection = detect(mail(GOOGLE_GROUPS), POSTFIX)
    assert [f"{a.layer} {a.slug} {a.status}" for a in detection.providers] == [
        "platform beehiiv asserted",
        "delivery sendgrid asserted",
        "relay google-groups verified",
    ]
    assert detection.original_from == "Weekly <weekly@mail.example.com>"


def test_a_list_keeps_a_platform_below_verified() -> None:
    """Even where a signature of the platform passes: envelope and lines on top belong to the list."""
    message = mail(
        """
        Authentication-Results: mx.example.org; dkim=pass header.d=mcsv.net
        Received: from lists.example.net (lists.example.net [192.0.2.9]) by mx.example.org (Postfix)
        X-Mailman-Version: 3.3.8
        X-MC-User: 0123456789abcdef
        """
    )
    statuses = {each.slug: each.status for each in detect(message, POSTFIX).providers}
    assert statuses == {"mailchimp": "asserted", "mailman": "hinted"}


SIMPLELOGIN = """
    From: weekly_at_example.com <aaaa@simplelogin.co>
    X-SimpleLogin-Type: Forward
    X-SimpleLogin-Original-From: Weekly <weekly@example.com>
    """
REWRITTEN_BY_MAILMAN = """
    From: Weekly via List <list@lists.example.net>
    Reply-To: Weekly <weekly@example.com>
    X-BeenThere: list@lists.example.net
    X-Mailman-Version: 2.1.29
    """

# relay's headers, slug, original From
RELAYS = [
    (SIMPLELOGIN, "simplelogin", "Weekly <weekly@example.com>"),
    (REWRITTEN_BY_MAILMAN, "mailman", "Weekly <weekly@example.com>"),
    ("From: a@anonaddy.com\nX-AnonAddy-Original-Sender: weekly@example.com", "addy-io", "weekly@example.com"),
    ("From: weekly@example.com\nX-ForwardEmail-ID: 1", "forwardemail", ""),
    ("From: weekly@example.com\nX-ImprovMX-Session-ID: 1\nReply-To: desk@example.com", "improvmx", ""),
    ("From: weekly@example.com\nReply-To: list@lists.example.net\nX-Mailman-Version: 2.1.29", "mailman", ""),
    ("From: weekly@example.com\nX-Original-Sender: weekly@example.com\nX-Mailman-Version: 3", "mailman", ""),
    ("From: a@example.com\nMailing-List: contact list-help@example.net; run by ezmlm", "ezmlm", ""),
    ("From: a@example.com\nList-Unsubscribe: <mailto:list-unsubscribe@yahoogroups.com>", "yahoo-groups", ""),
]


@pytest.mark.parametrize(("headers", "slug", "original_from"), RELAYS)
def test_a_relay_is_named_and_the_author_before_it_kept(headers: str, slug: str, original_from: str) -> None:
    """Reply-To counts only where From was rewritten to the relay's own address."""
    detection = detect(mail(headers), Receiver())
    assert [(each.layer, each.slug) for each in detection.providers] == [("relay", slug)]
    assert detection.original_from == original_from


def test_without_a_relay_there_is_no_original_author() -> None:
    """Anyone can write X-Original-From."""
    assert detect(mail("From: a@example.com\nX-Original-From: b@example.com"), Receiver()).original_from == ""


def test_a_post_through_a_list_keeps_its_mailbox_host() -> None:
    """The list's own handover is no evidence for the author's mailbox, the Message-ID is."""
    detection = detect(
        mail(
            """
            Received: from a (mail-pl1-x1.google.com [192.0.2.9]) by mx.example.org (Postfix)
            X-Google-Group-Id: 1001
            List-ID: <list.googlegroups.com>
            Message-ID: <1@AAAA.namprd10.prod.outlook.com>
            """
        ),
        POSTFIX,
    )
    assert [(each.layer, each.slug, each.status) for each in detection.providers] == [
        ("relay", "google-groups", "asserted"),
        ("mailbox_host", "microsoft-365", "hinted"),
    ]
