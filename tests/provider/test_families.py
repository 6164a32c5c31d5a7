"""One made-up mail for each family of providers: what its headers say without any trust."""

from __future__ import annotations

import pytest

from tests.support.headers import mail
from watcher.provider import Receiver, detect

# headers | answers as `layer slug status account` | campaign
FAMILIES = {
    "mailchimp": (
        """
        Return-Path: <bounce-mc.us9_1.2-0000000000@mail7.example.mcsv.net>
        Received: from mail7.example.mcsv.net (mail7.example.mcsv.net [192.0.2.7]) by mx.example.org
        From: News <news@example.com>
        Message-ID: <0123456789abcdef01234.1111111111.20260101000000.aaaa@mail7.example.mcsv.net>
        X-Mailer: MailChimp Mailer - **CIDaaaa1111**
        X-Campaign: mailchimp0123456789abcdef01234.a1b2c3d4e5
        X-MC-User: 0123456789abcdef01234
        Feedback-ID: 1:1.2:us9:mc
        List-ID: 0123mc list <0123456789abcdef01234.11.list-id.mcsv.net>
        List-Unsubscribe: <https://example.us9.list-manage.com/unsubscribe?u=0&e=1111111111>
        """,
        [
            "platform mailchimp asserted 0123456789abcdef01234",
            "delivery mailchimp asserted 0123456789abcdef01234",
        ],
        "a1b2c3d4e5",
    ),
    "mandrill": (
        """
        X-Mandrill-User: md_10000001
        Feedback-ID: 10000001:10000001.20260101:md
        """,
        ["delivery mandrill asserted 10000001"],
        "",
    ),
    "kit on sendgrid": (
        """
        Return-Path: <bounces+7000001-1a2b-reader=example.org@em1.example.com>
        Message-ID: <AAAA1111@geopod-ismtpd-3>
        X-SG-EID: u001.AAAA
        X-Report-Abuse: mailto:abuse@convertkit.com
        List-Unsubscribe: <https://preview.convertkit-mail2.com/unsubscribe/aaaa>
        """,
        ["platform kit asserted ", "delivery sendgrid asserted 7000001"],
        "",
    ),
    "klaviyo on sendgrid": (
        """
        Received: from o1.shared.klaviyomail.com (o1.shared.klaviyomail.com [192.0.2.8]) by mx.example.org
        X-Kmail-Account: AbCd12
        X-Kmail-Message: 01AAAAAAAAAAAAAAAAAAAAAAAA
        X-SG-EID: u001.AAAA
        """,
        ["platform klaviyo asserted AbCd12", "delivery sendgrid hinted "],
        "01AAAAAAAAAAAAAAAAAAAAAAAA",
    ),
    "beehiiv on sendgrid": (
        """
        x-beehiiv-ids: {"account_name":"https://weekly.example.com/","campaign_id":"aaaa-1111","category":"newsletter"}
        x-beehiiv-type: newsletter
        X-SG-EID: u001.AAAA
        X-SG-ID: u001.BBBB
        """,
        ["platform beehiiv asserted weekly.example.com", "delivery sendgrid asserted "],
        "aaaa-1111",
    ),
    "substack on mailgun": (
        """
        From: Weekly <weekly@substack.com>
        Message-ID: <20260101000000.3.aaaa@mg1.substack.com>
        List-Id: <weekly.substack.com>
        In-Reply-To: <post-1001@substack.com>
        List-Post: <https://weekly.substack.com/p/one>
        X-Mailgun-Sid: WyJhYWFhIl0=
        """,
        ["platform substack asserted weekly", "delivery mailgun hinted "],
        "1001",
    ),
    "ghost on mailgun": (
        """
        Return-Path: <bounce+152ecb.7bdc18-reader=example.org@m.ghost.io>
        X-Mailgun-Tag: ghost-email
        List-Unsubscribe: <https://weekly.ghost.io/unsubscribe/?uuid=aaaa>
        """,
        ["platform ghost asserted ", "delivery mailgun hinted "],
        "",
    ),
    "kajabi on mailgun": (
        """
        Received: from m1.kajabi-mail.net (m1.kajabi-mail.net [192.0.2.9]) by mx.example.org
        X-Mailgun-Variables: {"app": "kajabi-storefronts"}
        X-Mailgun-Sid: WyJhYWFhIl0=
        """,
        ["platform kajabi asserted ", "delivery mailgun asserted "],
        "",
    ),
    "customer.io on mailgun": (
        """
        Return-Path: <bounce+152ecb.7bdc18-reader=example.org@cio10001.news.example.com>
        X-Mailer: Customer.io (aaaa; +https://whatis.customeriomail.com)
        X-Mailgun-Sid: WyJhYWFhIl0=
        """,
        ["platform customer-io asserted ", "delivery mailgun asserted "],
        "",
    ),
    "amazon ses": (
        """
        Message-ID: <0100aaaa-bbbb-000000@email.amazonses.com>
        Feedback-ID: ::1.us-east-1.AAAAbbbb+/1=:AmazonSES
        X-SES-Outgoing: 2026.01.01-192.0.2.1
        """,
        ["delivery amazon-ses asserted AAAAbbbb+/1="],
        "",
    ),
    "govdelivery on ses": (
        """
        Message-ID: <aaaa@ses.messagingfabric.com>
        BULLETIN_RECIPIENT_ID: 1111
        X-Accountcode: EXAMPLECODE
        Feedback-ID: 1.us-west-2.AAAA=:AmazonSES
        X-SES-Outgoing: 2026.01.01-192.0.2.1
        """,
        ["platform govdelivery asserted EXAMPLECODE", "delivery amazon-ses asserted AAAA="],
        "",
    ),
    "postmark": (
        """
        X-PM-Message-Id: aaaa-1111
        X-PM-RCPT: |bTB8MXwxfGFAZXhhbXBsZS5vcmc=|
        Feedback-ID: s100001-_:s100001:a2001:postmark
        """,
        ["delivery postmark asserted 2001"],
        "",
    ),
    "sparkpost": (
        """
        Message-ID: <aaaa@mta1.prd.sparkpost>
        List-Id: <spc.300001.0.sparkpostmail.com>
        """,
        ["delivery sparkpost asserted 300001"],
        "",
    ),
    "mailjet": (
        """
        X-MJ-Mid: AAAA1111
        X-MJ-SMTPGUID: aaaa-1111
        X-CampaignID: 7001
        Feedback-Id: 42.1.2:MJ
        """,
        ["delivery mailjet asserted "],
        "7001",
    ),
    "brevo": (
        """
        X-Mailin-EID: AAAA
        X-sib-id: BBBB
        Feedback-ID: 192.0.2.1:3000001_-1:3000001:Sendinblue
        """,
        ["platform brevo asserted 3000001"],
        "",
    ),
    "hubspot": (
        "X-HS-Cid: aaaa\nMessage-ID: <1.aaaa@eu1.hubspotemail.net>",
        ["platform hubspot asserted "],
        "",
    ),
    "constant contact": (
        "X-Roving-Id: 1100000000001.-1\nX-Roving-Campaignid: 1100000000099\nX-Feedback-ID: a:b:1:CTCT",
        ["platform constant-contact asserted 1100000000001"],
        "1100000000099",
    ),
    "activecampaign": (
        "X-Mailer: ActiveCampaign Mailer\nFeedback-ID: 400001:400001.5:s1:activecampaign",
        ["platform activecampaign asserted 400001"],
        "",
    ),
    "salesforce marketing cloud": (
        "X-SFMC-Stack: 7\nx-job: 7000001_3000002\nList-ID: <7000001.xt.local>",
        ["platform salesforce-marketing-cloud asserted 7000001"],
        "3000002",
    ),
    "emarsys": (
        "X-EMarSys-Identify: 700000001_4000002_17\nX-EMarSys-Environment: suite99",
        ["platform emarsys asserted 700000001"],
        "4000002",
    ),
    "drip on sendgrid": (
        "X-Drip-SendingAccount: 5000001\nList-Unsubscribe: <https://u.dripemail3.com>\nX-SG-EID: u001.AA",
        ["platform drip asserted 5000001", "delivery sendgrid hinted "],
        "",
    ),
    "phplist": ("X-phpList-version: 3.6.1\nX-MessageID: 28", ["platform phplist hinted "], "28"),
    "cleverreach": (
        "Return-Path: <bounce+200001@bounce-eu1.crsend.com>\nList-ID: <1.2.crsend.com>",
        ["platform cleverreach asserted 200001"],
        "",
    ),
    "optimizely": (
        "X-Mailer: Episerver\nFeedback-ID: 1AAAAAAA:4BBBBBBB:episerver",
        ["platform optimizely asserted 1AAAAAAA"],
        "4BBBBBBB",
    ),
    "campaign monitor": (
        "Return-Path: <x@cmail20.com>\nX-Complaints-To: abuse@cmail20.com",
        ["platform campaign-monitor asserted "],
        "",
    ),
    "ngp van": (
        "Return-Path: <x@bounce.myngp.com>\nList-Unsubscribe: <https://click.ngpvan.com/u/1>",
        ["platform ngp-van asserted "],
        "",
    ),
    "actionkit": (
        "List-Unsubscribe: <https://example.actionkit.com/u/1>",
        ["platform actionkit hinted "],
        "",
    ),
    "action network": ("Return-Path: <x@actionnetwork.org>", ["platform action-network hinted "], ""),
    "nationbuilder": ("Return-Path: <x@nationsend3.com>", ["platform nationbuilder hinted "], ""),
    "blue state digital": (
        "DKIM-Signature: v=1; d=bounce.bluestatedigital.com; s=bsdkey; h=from; b=AAAA",
        ["platform blue-state-digital hinted "],
        "",
    ),
    "salsa": (
        "Return-Path: <x@bounces.salsalabs.org>\nMessage-ID: <1@salsalabs.org>\nX-blast-id: 1",
        ["platform salsa-labs asserted "],
        "",
    ),
    "civicrm": ("X-CiviMail-Bounce: b.1.2.aaaa@example.org", ["platform civicrm hinted "], ""),
    "a mailbox": (
        "Message-ID: <CAAAA@mail.gmail.com>\nDKIM-Signature: v=1; d=gmail.com; s=20230601; b=AAAA",
        ["mailbox_host google asserted "],
        "",
    ),
    "nobody known": (
        "From: a@example.org\nList-Unsubscribe: <https://example.org/u>\nX-Campaign-Id: may-2026",
        [],
        "may-2026",
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_named_with_its_account_and_campaign(family: str) -> None:
    """Platform and delivery are told apart; without a configured receiver nothing is verified."""
    headers, answers, campaign = FAMILIES[family]
    detection = detect(mail(headers), Receiver())
    assert [f"{a.layer} {a.slug} {a.status} {a.account}" for a in detection.providers] == answers
    assert detection.campaign_id == campaign


def test_links_in_the_body_name_nobody() -> None:
    """T13: a Substack mail that links to HubSpot and Shopify is neither."""
    body = '<a href="https://www.hubspot.com/x">1</a> <a href="https://shopify.com/y">2</a> X-HS-Cid: aaaa'
    detection = detect(mail(FAMILIES["substack on mailgun"][0] + "Content-Type: text/html", body), Receiver())
    assert {each.slug for each in detection.providers} == {"substack", "mailgun"}


def test_a_forwarded_mail_does_not_name_the_provider_of_the_inner_one() -> None:
    """Only the outermost header block counts, for attached and for quoted mails."""
    inner = FAMILIES["mailchimp"][0].replace("        ", "").strip()
    message = mail(
        """
        From: a@example.org
        MIME-Version: 1.0
        Content-Type: multipart/mixed; boundary=x
        """,
        f"--x\r\n\r\n{inner}\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n\r\nHello\r\n--x--",
    )
    assert detect(message, Receiver()).providers == ()


# header as on the wire | rule that must be among the evidence
TRAPS = [
    ("X-SG-EID: \n =?us-ascii?Q?u001=2EAAAA=2F1?=\n =?us-ascii?Q?BBBB?=", "sendgrid.header.x-sg-eid"),
    (
        "X-SG-EID: u\nList-Unsubscribe:\n <https://u1.ct.sendgrid.net/lu/1>",
        "sendgrid.list-unsubscribe.sendgrid.net",
    ),
    (
        "List-Unsubscribe: =?us-ascii?Q?=3Chttps=3A=2F=2Fa=2Eaction?=\n =?us-ascii?Q?kit=2Ecom=2Fu=3E?=",
        "actionkit.list-unsubscribe.actionkit.com",
    ),
    ("Message-ID:\n <1@eu1.hubspotemail.net>", "hubspot.message-id.hubspotemail.net"),
    ("Feedback-ID: a:b:whoever\nFeedback-ID: 1:1.2:us9:mc", "mailchimp.feedback-id.us-mc"),
    (
        "Feedback-ID: 1.eu-west-1.AA=:AmazonSES\nX-Feedback-ID: a:b:1:CTCT",
        "constant-contact.feedback-id.ctct",
    ),
    ("Feedback-ID: 1.eu-west-1.AA=:AmazonSES\nX-Feedback-ID: a:b:1:CTCT", "amazon-ses.feedback-id.amazonses"),
    ("Feedback-ID: =?us-ascii?Q?a=3Ab=3A1=3ACTCT?=", "constant-contact.feedback-id.ctct"),
    (
        "DKIM-Signature: v=1; d=example.org; s=a; b=A\nDKIM-Signature: v=1; s=b; d=mtasv.net; b=A",
        "postmark.dkim.mtasv.net",
    ),
]


@pytest.mark.parametrize(("headers", "rule"), TRAPS)
def test_a_value_is_matched_however_it_is_written(headers: str, rule: str) -> None:
    """Folded after the colon, RFC 2047 inside a structured field, more than once: all are read."""
    detection = detect(mail(headers), Receiver())
    assert rule in {row.rule for answer in detection.providers for row in answer.evidence}


NOT_ENOUGH = [
    "DKIM-Signature: v=1; d=example.20230601.gappssmtp.com.example.org; s=k1; b=A",
    "List-Unsubscribe: <https://notlist-manage.com/u>",
    "List-Unsubscribe: <https://list-manage.com.example.org/u>",
    "Message-ID: <1@notmcsv.net>",
    "Authentication-Results-Original: mx.example.org; dkim=pass header.d=mcsv.net",
    "X-CSA-Complaints: csa-complaints@example.org",
    "X-EBS: 1",
    "X-Msfbl: AAAA",
    "DKIM-Signature: v=1; d=winred.com; s=s1; b=A",
    "X-Mailer: I use MailChimp Mailer",
    "Return-Path: <a@example.org>\nReturn-Path: <x@mail7.example.mcsv.net>",
]


@pytest.mark.parametrize("headers", NOT_ENOUGH)
def test_weak_unverified_and_look_alike_signals_make_no_answer(headers: str) -> None:
    """Domains end on a dot boundary; weak rows, rows without a source and monitoring headers never answer."""
    assert detect(mail(headers), Receiver()).providers == ()


def test_weak_rows_accompany_an_answer() -> None:
    """An evidence line may come from a row that could not have answered."""
    (answer,) = detect(mail("X-MC-User: 0123456789abcdef\nX-Accounttype: pd"), Receiver()).providers
    assert {(row.rule, row.strength) for row in answer.evidence} == {
        ("mailchimp.header.x-mc-user", "strong"),
        ("mailchimp.header.x-accounttype", "weak"),
    }


def test_evidence_shows_the_matched_part_and_no_recipient() -> None:
    """The provider's own domain, the matched words, nothing for a header's presence."""
    headers = """
        Return-Path: <bounce-10000002_HTML-300000003-40000004-7000001-5@bounce.example.com>
        From: reader_at_example.net_aaaa@icloud.com
        List-Unsubscribe: <https://u77.example.list-manage.com/u?e=SECRET>, <mailto:u-SECRET@list-manage.com>
        X-MC-User: 0123456789abcdef
        X-PM-RCPT: |SECRET|
        X-PM-Message-Id: SECRET
        Message-ID: <SECRET@secret.mtasv.net>
        Feedback-ID: SECRET:postmark
        X-SFMC-Stack: 1
        X-SimpleLogin-Type: Forward
        X-SimpleLogin-Envelope-To: reader@example.net
        """
    answers = detect(mail(headers), Receiver()).providers
    shown = {row.rule: row.value for answer in answers for row in answer.evidence}
    assert shown["mailchimp.list-unsubscribe.list-manage.com"] == "list-manage.com"
    assert shown["postmark.message-id.mtasv.net"] == "mtasv.net"
    assert shown["postmark.header.x-pm-message-id"] == ""
    assert shown["salesforce-marketing-cloud.return-path.bounce-html-text"] == "bounce-"
    assert not any(token in str(answers).lower() for token in ("secret", "reader", "300000003"))


def test_a_tie_keeps_both_with_the_better_supported_first() -> None:
    """Position in the rule file decides nothing."""
    answers = detect(
        mail("X-MC-User: 0123456789abcdef\nX-HS-Cid: a\nMessage-ID: <1@a.hubspotemail.net>"), Receiver()
    )
    assert [f"{a.slug} {a.status}" for a in answers.providers] == ["hubspot asserted", "mailchimp hinted"]


def test_two_headers_of_one_name_are_one_claim() -> None:
    """Independent means different fields: domain and selector of a signature stand or fall together."""
    (answer,) = detect(
        mail("DKIM-Signature: v=1; d=bf1.hubspotemail.net; s=hs1\nDKIM-Signature: v=1; d=hubspotemail.net"),
        Receiver(),
    ).providers
    assert answer.status == "hinted"
    assert len(answer.evidence) == 2


def test_bulk_means_that_a_platform_answered() -> None:
    """Rented delivery carries personal and system mail too."""
    assert detect(mail(FAMILIES["brevo"][0]), Receiver()).bulk
    assert not detect(mail(FAMILIES["amazon ses"][0]), Receiver()).bulk


HOSTILE = [
    "Received: from " + "(" * 5000,
    "Received: " + "by " * 5000,
    "Received: from a " + "(b)" * 3000,
    "DKIM-Signature: " + "d=" * 5000,
    "List-Unsubscribe: " + "<mailto:" * 5000,
    "List-Unsubscribe: <https://" + "a" * 9000 + "@",
    "Message-ID: <" + "." * 9000 + "@" + "a." * 4000 + ">",
    "Return-Path: " + "bounces+1" * 3000,
    "Authentication-Results: mx.example.org; " + "dkim=pass (" * 3000,
    "Authentication-Results: " + '"' * 5001,
    "X-Campaign: " + "a" * 9000,
    "Feedback-ID: " + ":" * 9000,
    "From: \x00@\x00\nReceived: \x00",
]


@pytest.mark.parametrize("headers", HOSTILE)
@pytest.mark.timeout(5)
def test_hostile_values_cost_little_and_raise_nothing(headers: str) -> None:
    """No pattern runs away on a long value made for it."""
    detection = detect(mail(headers), Receiver("mx.example.org", ("*.example.org",)))
    assert len(detection.campaign_id) <= 320
