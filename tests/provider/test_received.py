"""Received lines as different servers write them."""

from __future__ import annotations

import pytest

from watcher.provider.received import hop, is_internal

# line | HELO | rDNS | address | by
LINES = {
    "Postfix": (
        "from helo.example.com (seen.example.com [192.0.2.1]) (TLS) by mx.example.org (Postfix) with SMTP",
        ("helo.example.com", "seen.example.com", "192.0.2.1", "mx.example.org"),
    ),
    "Postfix, no name": (
        "from helo.example.com (unknown [192.0.2.1]) by mx.example.org (Postfix) with ESMTP",
        ("helo.example.com", "", "192.0.2.1", "mx.example.org"),
    ),
    "Postfix, IPv6": (
        "from helo.example.com (seen.example.com [IPv6:2001:db8::1]) by mx.example.org",
        ("helo.example.com", "seen.example.com", "2001:db8::1", "mx.example.org"),
    ),
    "Postfix, from a process": (
        "by mx.example.org (Postfix, from userid 33) id 1",
        ("", "", "", "mx.example.org"),
    ),
    "Gmail": (
        "from helo.example.com (Seen.Example.com. [192.0.2.1]) by mx.google.com with ESMTPS id 1-2",
        ("helo.example.com", "seen.example.com", "192.0.2.1", "mx.google.com"),
    ),
    "Gmail, no name": (
        "from helo.example.com ([192.0.2.1]) by mx.google.com with ESMTP",
        ("helo.example.com", "", "192.0.2.1", "mx.google.com"),
    ),
    "Gmail, inside": (
        "by 2002:a05:6a10:1:b0:2:3:4 with SMTP id a1",
        ("", "", "", "2002:a05:6a10:1:b0:2:3:4"),
    ),
    "Sendmail": (
        "from helo.example.com (user@seen.example.com [192.0.2.1]) by mx.example.org (8.17/8.17) with ESMTP",
        ("helo.example.com", "seen.example.com", "192.0.2.1", "mx.example.org"),
    ),
    "Sendmail in doubt": (
        "from helo.example.com (seen.example.com [192.0.2.1] (may be forged)) by mx.example.org (8.17/8.17)",
        ("helo.example.com", "", "192.0.2.1", "mx.example.org"),
    ),
    "Exim": (
        "from seen.example.com ([192.0.2.1] helo=helo.example.com) by mx.example.org with esmtps (Exim 4.98)",
        ("helo.example.com", "seen.example.com", "192.0.2.1", "mx.example.org"),
    ),
    "Exim, no name": (
        "from [192.0.2.1] (helo=helo.example.com) by mx.example.org with esmtp (Exim 4.98)",
        ("helo.example.com", "", "192.0.2.1", "mx.example.org"),
    ),
    "qmail": (
        "from seen.example.com (HELO helo.example.com) (192.0.2.1) by mx.example.org with SMTP",
        ("helo.example.com", "seen.example.com", "192.0.2.1", "mx.example.org"),
    ),
    "qmail, no name": (
        "from unknown (HELO helo.example.com) (192.0.2.1) by 0 with SMTP",
        ("helo.example.com", "", "192.0.2.1", "0"),
    ),
    "qmail, HELO that poses as a name in DNS": (
        "from unknown (HELO x) (seen.example.com [192.0.2.1]) (192.0.2.1) by 0 with SMTP",
        ("x", "", "192.0.2.1", "0"),
    ),
    "Exchange": (
        "from helo.example.com (192.0.2.1) by a.protection.outlook.com (10.1.1.1) with Microsoft SMTP",
        ("helo.example.com", "", "192.0.2.1", "a.protection.outlook.com"),
    ),
    "Exchange, IPv6": (
        "from a.prod.outlook.com (2603:10b6:208:431::8) by b.prod.outlook.com with HTTPS",
        ("a.prod.outlook.com", "", "2603:10b6:208:431::8", "b.prod.outlook.com"),
    ),
    "Yahoo": (
        "from 192.0.2.1 (EHLO helo.example.com) by 10.1.1.1 with SMTPs",
        ("helo.example.com", "", "192.0.2.1", "10.1.1.1"),
    ),
    "SendGrid": ("by recvd-1a2b-3c4d with SMTP id recvd-1a2b", ("", "", "", "recvd-1a2b-3c4d")),
    "an address alone": ("from [192.0.2.1] by mx.example.org", ("", "", "192.0.2.1", "mx.example.org")),
    "`by` inside a comment": (
        "from a.example.com (sent by b.example.com) with X",
        ("a.example.com", "", "", ""),
    ),
    "nonsense": ("(qmail 1 invoked from network)", ("", "", "", "")),
    "nothing": ("", ("", "", "", "")),
}


@pytest.mark.parametrize("server", LINES)
def test_what_was_seen_and_what_was_claimed_are_told_apart(server: str) -> None:
    """The name from DNS is the server's own finding; HELO is the peer's word."""
    line, expected = LINES[server]
    found = hop(0, line)
    assert (found.helo, found.rdns, found.address, found.by) == expected


def test_lmtp_is_recognised() -> None:
    """RFC 2033 is spoken inside one site only."""
    assert hop(0, "from mx.example.org by imap.example.org with LMTP id 1").lmtp
    assert not hop(0, "from mx.example.org by imap.example.org with ESMTP id LMTP").lmtp


ADDRESSES = [
    ("10.1.2.3", True),
    ("172.16.0.1", True),
    ("172.32.0.1", False),
    ("192.168.1.1", True),
    ("127.0.0.1", True),
    ("::1", True),
    ("::12", False),
    ("fe80::1", True),
    ("fd00:1::2", True),
    ("2001:db8::1", False),
    ("2002:a05:6a10::1", True),
    ("2002:c0a8:101::1", True),
    ("2002:c000:201::1", False),
    ("192.0.2.1", False),
    ("110.0.0.1", False),
    ("", False),
]


@pytest.mark.parametrize(("address", "internal"), ADDRESSES)
def test_an_internal_address_is_one_that_the_internet_does_not_route(address: str, internal: bool) -> None:
    """Private, loopback, link-local, and 6to4 of such an address."""
    assert is_internal(address) is internal
