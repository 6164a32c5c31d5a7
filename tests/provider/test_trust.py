"""What our own receiver says, and what a sender cannot make it say."""

from __future__ import annotations

import pytest

from tests.support.headers import mail
from watcher.provider import Receiver, detect
from watcher.record import Layer

POSTFIX = Receiver("mx.example.org", ("*.example.org",))
GMAIL = Receiver("mx.google.com", ("mx.google.com",))
EXCHANGE = Receiver("-", ("*.prod.outlook.com", "*.outlook.office365.com", "*.protection.outlook.com"))

CLAIMS = """
X-MC-User: 0123456789abcdef
Feedback-ID: 1:1.2:us9:mc
"""


def received(helo: str, seen: str, by: str = "mx.example.org") -> str:
    """Write a line as Postfix does: `seen` is the peer's name in DNS, `helo` what it called itself."""
    return f"Received: from {helo} ({seen} [192.0.2.7]) by {by} (Postfix) with ESMTP id 1"


def results(text: str, by: str = "mx.example.org") -> str:
    """Write an Authentication-Results field."""
    return f"Authentication-Results: {by}; {text}"


def outlook(*lines: str) -> list[str]:
    """Put the lines that Exchange Online writes among its own machines above these."""
    return [
        "Received: from AAAA.namprd10.prod.outlook.com (::1) by BBBB.namprd10.prod.outlook.com with HTTPS",
        "Received: from CCCC.outlook.office365.com (2603:10a6::1) by AAAA.namprd10.prod.outlook.com with X",
        *lines,
    ]


def at_outlook(helo: str) -> str:
    """Write the line of Exchange Online's edge: it notes HELO and address, no name from DNS."""
    return f"Received: from {helo} (192.0.2.7) by CCCC.mail.protection.outlook.com (10.1.1.1) with SMTP"


HOST = "mail7.example.mcsv.net"
EDGE = received(HOST, HOST)
LOCAL = "Received: from mx.example.org (mx.example.org [10.0.0.2]) by imap.example.org with LMTP id 2"
FOREIGN = received("evil.invalid", "evil.invalid")
FROM_GMAIL = received("mail-pl1-x1.google.com", "mail-pl1-x1.google.com")
SPF_PASS = results(f"spf=pass smtp.mailfrom=x@{HOST}; dkim=none")
SPF_FAIL = "spf=softfail smtp.mailfrom=a@b.invalid"
DKIM_PASS = results("dkim=pass (2048-bit key; unprotected) header.d=mcsv.net header.s=k3")
OUTLOOK_PASS = "Authentication-Results: spf=pass (sender IP is 192.0.2.7)\n smtp.mailfrom=mcsv.net; dkim=none"
AT_GMAIL = [
    "Received: by 2002:a05:6a10:aaaa:b0:1:2:3 with SMTP id a1",
    f"Received: from {HOST} ({HOST}. [192.0.2.7]) by mx.google.com with ESMTPS id 1",
    "Authentication-Results: mx.google.com; dkim=pass header.i=@mcsv.net header.s=k3 header.b=AAAA",
]

# what is tested: receiver, lines above the claims
VERIFIED = {
    "SPF passed for the platform's domain": (POSTFIX, [SPF_PASS, EDGE]),
    "DKIM passed for it": (POSTFIX, [DKIM_PASS, FOREIGN]),
    "an id alone is enough for results": (Receiver("mx.example.org"), [DKIM_PASS]),
    "results in two fields above our Received": (POSTFIX, [results("spf=none"), DKIM_PASS, FOREIGN]),
    "rDNS at the edge": (Receiver("", ("mx.example.org",)), [EDGE]),
    "rDNS at the edge behind a local handover": (POSTFIX, [LOCAL, EDGE]),
    "rDNS at the edge behind a content filter": (
        POSTFIX,
        [
            received("localhost", "localhost").replace("192.0.2.7", "127.0.0.1"),
            "Received: from mx.example.org ([127.0.0.1]) by localhost (mx.example.org [127.0.0.1]) (amavisd)",
            EDGE,
        ],
    ),
    "results below Gmail's own Received": (GMAIL, AT_GMAIL),
    "rDNS that Gmail saw": (Receiver("", ("mx.google.com",)), AT_GMAIL[:2]),
    "results without an id, at Exchange": (EXCHANGE, outlook(OUTLOOK_PASS, at_outlook(HOST))),
    "a signature that survives plain forwarding": (POSTFIX, [DKIM_PASS, FROM_GMAIL]),
}
CLAIMED = {
    "no receiver": (Receiver(), [DKIM_PASS, SPF_PASS, EDGE]),
    "a forged HELO": (POSTFIX, [received(HOST, "evil.invalid")]),
    "a forged HELO, and no name in DNS": (POSTFIX, [received(HOST, "unknown")]),
    "a forged HELO at Exchange": (EXCHANGE, outlook(at_outlook(HOST))),
    "rDNS that the server doubts": (POSTFIX, [EDGE.replace("7])", "7] (may be forged))")]),
    "rDNS in a line further down": (POSTFIX, [FOREIGN, EDGE]),
    "a newest line of someone else": (POSTFIX, [received(HOST, HOST, by="mx.other.invalid"), DKIM_PASS]),
    "no Received line at all": (POSTFIX, [DKIM_PASS]),
    "results of someone else": (POSTFIX, [DKIM_PASS.replace("mx.example.org", "mx.other.invalid"), FOREIGN]),
    "results of the sender's side": (POSTFIX, [FOREIGN, DKIM_PASS.replace("Results", "Results-Original")]),
    "results below our topmost ones": (POSTFIX, [results("spf=none; dkim=none", by="x"), FOREIGN, "X: y"]),
    "results under our name below a foreign line": (
        POSTFIX,
        [FOREIGN, "Received: by evil.invalid", DKIM_PASS],
    ),
    "forged results below our own": (Receiver("mx.example.org"), [results("spf=temperror"), DKIM_PASS]),
    "a selector alone": (POSTFIX, [results("dkim=pass header.d=example.com header.s=k3"), FOREIGN]),
    "a pass for an empty domain": (POSTFIX, [results("spf=pass smtp.mailfrom=; dkim=pass"), FOREIGN]),
    "`-` without our own hosts": (Receiver("-"), [OUTLOOK_PASS]),
    "results with an id where ours have none": (EXCHANGE, outlook(DKIM_PASS, at_outlook(HOST))),
    "our own name as HELO above forged lines": (POSTFIX, [received("mx.example.org", "unknown"), EDGE]),
    "our own name as HELO above forged results": (
        POSTFIX,
        [results("spf=temperror"), received("mx.example.org", "unknown"), DKIM_PASS, EDGE],
    ),
    "SPF fails, the signature was not looked at": (
        POSTFIX,
        [results(SPF_FAIL), FOREIGN, "DKIM-Signature: d=a.b"],
    ),
    "no DNS is no statement": (POSTFIX, [results("spf=temperror; dkim=none"), FOREIGN]),
    "unreadable results are no statement": (POSTFIX, [results("(spf=fail; dkim=fail"), FOREIGN]),
    "absent results are no statement": (POSTFIX, [FOREIGN]),
}
CONTRADICTED = {
    "neither SPF nor DKIM passes": (POSTFIX, [results(f"{SPF_FAIL}; dkim=none"), FOREIGN]),
    "SPF fails, and there is no signature": (POSTFIX, [results(SPF_FAIL), FOREIGN]),
    "a mailbox host at the edge": (POSTFIX, [FROM_GMAIL]),
    "another tenant's outbound relay at the edge": (
        Receiver("-", ("*.outlook.com", "*.office365.com")),
        outlook(
            at_outlook("APC01-obe.outbound.protection.outlook.com"),
            "Received: from a.prod.outlook.com (192.0.2.1) by b.prod.outlook.com",
        ),
    ),
}
CASES = [
    pytest.param(*case, status, id=name)
    for status, table in (("verified", VERIFIED), ("asserted", CLAIMED), ("contradicted", CONTRADICTED))
    for name, case in table.items()
]


@pytest.mark.parametrize(("receiver", "above", "status"), CASES)
def test_a_status_follows_from_what_our_receiver_saw(
    receiver: Receiver, above: list[str], status: str
) -> None:
    """The same two claims each time; only the lines on top and the settings differ."""
    answers = detect(mail("\n".join(above) + CLAIMS), receiver).providers
    (platform,) = (each for each in answers if each.layer is Layer.PLATFORM)
    assert (platform.slug, platform.status) == ("mailchimp", status)
    seen = {row.signal for row in platform.evidence if row.trust == "authenticated"} - {"dkim_selector"}
    assert bool(seen) == (status == "verified")


def test_a_contradicted_claim_names_no_account_and_is_not_bulk() -> None:
    """The id in a copied header belongs to someone else; the mailbox service is the origin."""
    detection = detect(mail(FROM_GMAIL + CLAIMS), POSTFIX)
    assert [(a.slug, a.status, a.account) for a in detection.providers] == [
        ("mailchimp", "contradicted", ""),
        ("google", "verified", ""),
    ]
    assert not detection.bulk


def test_a_mailbox_host_never_stands_beside_a_platform() -> None:
    """It answers only where it is the origin."""
    message = mail("Message-ID: <1@mail.gmail.com>\nX-MC-User: 0123456789abcdef")
    assert [each.layer for each in detect(message, Receiver()).providers] == [Layer.PLATFORM]


def test_a_verified_answer_leaves_no_room_for_claims_beside_it() -> None:
    """A header block copied into a real MailChimp campaign names nobody else."""
    message = mail(f"{DKIM_PASS}\n{FOREIGN}\nX-SFMC-Stack: 1\nX-Job: 7000001_3000002")
    assert [each.slug for each in detect(message, POSTFIX).providers] == ["mailchimp"]


def test_what_was_seen_is_shown_once_and_first() -> None:
    """A claim that repeats authenticated evidence is left out."""
    message = mail(
        f"{DKIM_PASS}\n{FOREIGN}\nX-MC-User: 0123456789abcdef\nDKIM-Signature: v=1; d=mcsv.net; s=k3"
    )
    (platform,) = detect(message, POSTFIX).providers
    assert [(row.rule, row.header, row.trust) for row in platform.evidence] == [
        ("mailchimp.dkim.mcsv.net", "Authentication-Results", "authenticated"),
        ("mailchimp.selector.k3", "Authentication-Results", "authenticated"),
        ("mailchimp.header.x-mc-user", "x-mc-user", "claimed"),
    ]


def test_a_message_id_that_our_own_server_wrote_names_nobody() -> None:
    """Exchange gives a mail without Message-ID one of its own."""
    message = mail("Message-ID: <aaaa@BBBB.namprd10.prod.outlook.com>")
    assert detect(message, EXCHANGE).providers == ()
    assert detect(message, Receiver()).providers[0].slug == "microsoft-365"


OWN_SERVERS = [
    ([EDGE], ["platform mailchimp verified", "delivery mailchimp verified"]),
    ([EDGE, "X-SG-EID: u"], ["platform mailchimp verified", "delivery sendgrid hinted"]),
    ([FOREIGN], ["platform mailchimp asserted"]),
]


@pytest.mark.parametrize(("above", "answers"), OWN_SERVERS)
def test_a_platform_on_its_own_servers_is_its_delivery_too(above: list[str], answers: list[str]) -> None:
    """Unless another provider's delivery headers stand beside it: then the host name is only white-label."""
    providers = detect(mail("\n".join(above) + CLAIMS), POSTFIX).providers
    assert [f"{each.layer} {each.slug} {each.status}" for each in providers] == answers
