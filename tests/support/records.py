"""Records and mails of our own making, for tests of the databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from watcher.record import (
    Attachment,
    Authentication,
    Author,
    Evidence,
    Kind,
    Layer,
    Link,
    LinkAction,
    Provider,
    ProviderEntry,
    ProviderStatus,
    Record,
    Removed,
    Sender,
    SenderMatch,
    Status,
    Tracker,
)

SENDER = Sender(
    slug="example-party",
    name="Example Party",
    kind="party",
    party="Example",
    country="Utopia",
    locality="Northshire",
    office="Parliament",
    website="https://party.example.org/",
)
CATALOGUE = (
    ProviderEntry("mailchimp", "MailChimp", Layer.PLATFORM, "esp"),
    ProviderEntry("mandrill", "Mandrill", Layer.DELIVERY, "transactional"),
    ProviderEntry("sendgrid", "SendGrid", Layer.DELIVERY, "transactional"),
)
PLATFORM = Provider(
    "mailchimp",
    "MailChimp",
    Layer.PLATFORM,
    ProviderStatus.ASSERTED,
    "acc0unt",
    (
        Evidence("header_name", "X-Mailer", "MailChimp Mailer", "mailchimp-1", "strong", "claimed"),
        Evidence("dkim_domain", "DKIM-Signature", "platform.example", "mailchimp-2", "strong", "claimed"),
    ),
)
DELIVERY = Provider("mandrill", "Mandrill", Layer.DELIVERY, ProviderStatus.HINTED)


def record(**changes: Any) -> Record:
    """Return a full record: every list has something in it."""
    full = Record(
        inbox="politics",
        received_at="2026-03-01T13:05:09Z",
        kind=Kind.NEWSLETTER,
        kind_reason="header List-Id",
        subject="Wir sind halb über den Berg",
        author=Author("Example News", "news@party.example.org", "party.example.org"),
        sent_at="2026-03-01T13:00:00Z",
        list_id="news.party.example.org",
        campaign_id="c1",
        sender=SenderMatch("example-party", "list_id: news.party.example.org"),
        providers=(PLATFORM, DELIVERY),
        authentication=(
            Authentication("spf", "pass", "bounce.platform.example"),
            Authentication("dmarc", "none"),
        ),
        text="The quick zebra reads the newsletter.\n\n[More](https://party.example.org/more)",
        html="<p>The quick zebra reads the newsletter.</p>",
        plain="The quick zebra reads the newsletter.",
        preheader="Read on",
        disclaimer="Paid for by Example Party",
        excerpt="The quick zebra reads",
        language="en",
        words=6,
        reading_minutes=1,
        links=(
            Link(
                1,
                "More",
                LinkAction.CLEANED,
                "https://party.example.org/more",
                "party.example.org",
                "content",
                "utm",
            ),
            Link(2, "Unsubscribe", LinkAction.REMOVED, None, "", "unsubscribe", "role"),
        ),
        trackers=(Tracker("pixel", "track.example.com", "pixel-1"),),
        removed=(Removed("footer", "footer-1", 120),),
        redactions=2,
        attachments=(Attachment("programme.pdf", "application/pdf", 1234, "ab" * 32),),
        original_from="",
        list_unsubscribe="http mailto",
        warnings=("charset: guessed", "one more"),
        pipeline_version="1-a-b",
    )
    return replace(full, **changes)


def failed_record(reason: str = "message: no header") -> Record:
    """Return what the pipeline makes of bytes that are no mail."""
    return Record("politics", "2026-03-02T00:10:00Z", Status.FAILED, warnings=(reason,), pipeline_version="1")


def mail(number: int, words: int = 50) -> bytes:
    """Return the bytes of a small mail, different for each number."""
    body = " ".join(f"word{(number * 31 + each) % 997}" for each in range(words))
    return (
        f"From: Example News <news@party.example.org>\r\nSubject: Issue {number}\r\n"
        f"Message-ID: <{number}@party.example.org>\r\nList-Id: <news.party.example.org>\r\n\r\n{body}\r\n"
    ).encode()
