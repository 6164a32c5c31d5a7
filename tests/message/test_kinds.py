"""What sort of message a mail is, and the reason that is told."""

from __future__ import annotations

import csv
from importlib import resources

import pytest

from tests.support.raw_mail import mail
from watcher.message import kind_of, parse
from watcher.record import Kind

LEAVE = "List-Unsubscribe: <https://example.org/u/1>"
ONE = ("From: Jane <jane@example.com>", "To: reader@example.org")
BULK = ("From: News <news@example.com>", "To: reader@example.org")


@pytest.mark.parametrize(
    ("fields", "body", "kind", "reason"),
    [
        (
            ["Content-Type: multipart/report; report-type=delivery-status; boundary=b", LEAVE],
            "",
            Kind.BOUNCE,
            "header Content-Type",
        ),
        (
            ['Content-Type: multipart/report;\r\n boundary="b"; report-type="feedback-report"'],
            "",
            Kind.BOUNCE,
            "header Content-Type",
        ),
        (
            ["Return-Path: <>", "From: Postmaster <postmaster@example.org>"],
            "",
            Kind.BOUNCE,
            "header Return-Path",
        ),
        (["From: MAILER-DAEMON (Mail System)"], "", Kind.BOUNCE, "header From"),
        (["X-Failed-Recipients: a@example.org", *ONE], "", Kind.BOUNCE, "header X-Failed-Recipients"),
        (["Auto-Submitted: auto-replied", *ONE, LEAVE], "", Kind.AUTO_REPLY, "header Auto-Submitted"),
        (["X-Autoreply: yes", *ONE], "", Kind.AUTO_REPLY, "header X-Autoreply"),
        (["Precedence: auto_reply", *ONE], "", Kind.AUTO_REPLY, "header Precedence"),
        (["Subject: Automatic reply: hello", *ONE], "", Kind.AUTO_REPLY, "header Subject"),
        (["Subject: Abwesenheitsnotiz: hello", *ONE], "", Kind.AUTO_REPLY, "header Subject"),
        (
            ["Content-Type: multipart/report; report-type=disposition-notification; boundary=b"],
            "",
            Kind.AUTO_REPLY,
            "header Content-Type",
        ),
        (
            ["Subject: Please confirm your subscription", *BULK, LEAVE],
            "",
            Kind.CONFIRMATION,
            "header Subject",
        ),
        (["Subject: Bitte bestätigen Sie Ihre Anmeldung", *BULK], "", Kind.CONFIRMATION, "header Subject"),
        (["Subject: Confirmez votre inscription", *BULK], "", Kind.CONFIRMATION, "header Subject"),
        (["Subject: Confirma tu suscripción", *BULK], "", Kind.CONFIRMATION, "header Subject"),
        (["Subject: Conferma la tua iscrizione", *BULK], "", Kind.CONFIRMATION, "header Subject"),
        (["Subject: Bevestig je aanmelding", *BULK], "", Kind.CONFIRMATION, "header Subject"),
        (
            ["Subject: Welcome", *BULK],
            "Hi,\nplease confirm your\nsubscription.",
            Kind.CONFIRMATION,
            "start of the body",
        ),
        (
            ["Subject: Welcome", "Content-Type: text/html", *BULK],
            "<style>p{}</style><p>Confirm <b>your</b> subscription</p>",
            Kind.CONFIRMATION,
            "start of the body",
        ),
        (
            ["Subject: News", *BULK, LEAVE],
            "Confirm your subscription",
            Kind.NEWSLETTER,
            "header List-Unsubscribe",
        ),
        (
            ["X-GitHub-Reason: mention", "List-Id: <a.example.org>"],
            "",
            Kind.TRANSACTIONAL,
            "header X-GitHub-Reason",
        ),
        (["Subject: Your receipt from Example", *BULK], "", Kind.TRANSACTIONAL, "header Subject"),
        (["Subject: Your order has shipped", *BULK], "", Kind.TRANSACTIONAL, "header Subject"),
        (["Subject: Your receipt as a joke", *BULK, LEAVE], "", Kind.NEWSLETTER, "header List-Unsubscribe"),
        (["List-Id: <a.example.org>", *ONE], "", Kind.NEWSLETTER, "header List-Id"),
        (["Precedence: bulk", *ONE], "", Kind.NEWSLETTER, "header Precedence"),
        ([*ONE], "Hello", Kind.PERSONAL, "header To"),
        ([*ONE, "Auto-Submitted: no"], "Hello", Kind.PERSONAL, "header To"),
        ([*ONE, "Cc: other@example.org"], "Hello", Kind.UNKNOWN, "no sign"),
        ([*ONE, "Auto-Submitted: auto-generated"], "Hello", Kind.UNKNOWN, "no sign"),
        (
            ["From: Jane <jane@example.com>", "To: a@example.org, b@example.org"],
            "Hello",
            Kind.UNKNOWN,
            "no sign",
        ),
        ([*BULK], "Hello", Kind.UNKNOWN, "no sign"),
        (["From: <no-reply@example.com>", "To: reader@example.org"], "Hello", Kind.UNKNOWN, "no sign"),
        (["Subject: x"], "Hello", Kind.UNKNOWN, "no sign"),
    ],
)
def test_a_kind_has_a_clear_sign(fields: list[str], body: str, kind: Kind, reason: str) -> None:
    """Reports first, then answers, requests to confirm, transactions, bulk mail, and people."""
    assert kind_of(parse(mail(*fields, body=body)), platform=False) == (kind, reason)


def test_every_sign_has_a_source_and_a_kind_that_is_asked_for() -> None:
    """A row with a comma too many would silently lose its pattern."""
    text = resources.files("watcher.message").joinpath("kinds.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["kind"] for row in rows} <= {*Kind, "bulk"}
    assert {row["where"] for row in rows} == {"header", "subject", "text"}
    assert all(row["source"] and row["pattern"] and None not in row for row in rows)
    assert all(row["language"] for row in rows if row["where"] != "header")
    assert all(bool(row["stems"]) == (row["where"] == "text") for row in rows)
    assert all(stem in row["pattern"] for row in rows for stem in row["stems"].split())


def test_a_recognised_platform_makes_a_newsletter() -> None:
    """Unless a clearer sign says otherwise."""
    assert kind_of(parse(mail(*ONE, body="x")), platform=True) == (Kind.NEWSLETTER, "platform")
    assert (
        kind_of(parse(mail("Subject: Your receipt from us", body="x")), platform=True)[0]
        is Kind.TRANSACTIONAL
    )


def test_nobody_writes_in_person_through_a_delivery_service() -> None:
    """A program wrote it; what for is not known."""
    message = parse(mail(*ONE, body="Hello"))
    assert kind_of(message, platform=False, delivery=True) == (Kind.UNKNOWN, "no sign")
    assert kind_of(message, platform=False, delivery=False) == (Kind.PERSONAL, "header To")


def test_a_reason_never_quotes_the_mail() -> None:
    """It names where the sign stood."""
    message = parse(mail("Subject: Please confirm your subscription, Jane Token123", body="x"))
    assert "Token123" not in kind_of(message, platform=False)[1]


def test_a_phrase_far_down_in_the_body_is_no_request() -> None:
    """A confirmation asks at its start."""
    body = "word " * 1_000 + "please confirm your subscription"
    assert kind_of(parse(mail(*BULK, body=body)), platform=False)[0] is Kind.UNKNOWN
