"""The header block (RFC 5322, 2047, 2231): its size, its number of fields, and everything that nests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hostile.attacks.attack import Attack, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_RESULTS = b"Authentication-Results: mx.example.org; "
_STRUCTURED = (
    b"From",
    b"To",
    b"Date",
    b"Subject",
    b"List-Id",
    b"List-Unsubscribe",
    b"Message-ID",
    b"Received",
    b"Authentication-Results",
    b"ARC-Seal",
    b"ARC-Authentication-Results",
    b"DKIM-Signature",
    b"Return-Path",
    b"Content-Type",
    b"Content-Disposition",
    b"Content-Transfer-Encoding",
    b"X-Mailer",
    b"X-Original-To",
    b"Feedback-ID",
)
_NESTING = {
    "quotes": b'"',
    "comments": b"(",
    "closings": b")",
    "angles": b"<",
    "backslashes": b"\\",
    "commas": b",",
    "semicolons": b";",
    "colons": b":",
    "ats": b"a@",
    "brackets": b"[",
    "equals": b"=?",
    "words": b"a ",
    "percents": b"%",
    "dots": b".",
}


def attacks() -> Iterator[Attack]:
    """Every attack on the header block."""
    for field in _STRUCTURED:
        for name, piece in _NESTING.items():
            yield Attack(
                f"header-{field.decode().lower()}-{name}",
                lambda f=field, p=piece: plain(f + b": " + p * (60_000 // len(p))),
            )
    yield Attack("header-field-10MB", lambda: plain(b"X-Long: " + b"a" * 10_000_000), "a field is longer")
    yield Attack("header-name-5MB", lambda: plain(b"X" * 5_000_000 + b": a"), "longer")
    yield Attack("header-no-colon-5MB", lambda: plain(b"X" * 5_000_000))
    yield Attack("header-folds", lambda: plain(b"Subject: a" + b"\r\n b" * 200_000), "longer")
    yield Attack("header-empty-folds", lambda: plain(b"Subject: a" + b"\r\n " * 200_000), "longer")
    yield Attack("header-200000-fields", lambda: plain(*[b"A: b"] * 200_000), "more fields")
    yield Attack(
        "header-blocks-of-received",
        lambda: plain(
            *[b"Received: from a (b [192.0.2.1]) by c with ESMTP id d; Sun, 1 Mar 2026 09:30:00 +0000"]
            * 5_000
        ),
        "more fields",
    )
    yield Attack("header-1000-large-fields", lambda: plain(*[b"X-A: " + b"b" * 60_000] * 900), "more fields")
    yield Attack("header-from-1000-times", lambda: plain(*[b"From: a@example.org"] * 900))
    yield Attack("header-stray-lines", lambda: plain(*[b"stray line", b"Subject: x"] * 10_000))
    for count in (20_000, 60_000):
        yield Attack(
            f"header-encoded-words-{count}",
            lambda n=count: plain(b"Subject: " + b"=?utf-8?q?a?= " * n),
            "cut",
        )
    yield Attack(
        "header-encoded-words-1000", lambda: plain(b"Subject: " + b"=?utf-8?q?a?= " * 1_000), "encoded words"
    )
    yield Attack("header-encoded-words-unended", lambda: plain(b"Subject: " + b"=?x?q?a" * 9_000))
    yield Attack("header-encoded-word-long", lambda: plain(b"Subject: =?utf-8?b?" + b"QUFB" * 15_000 + b"?="))
    yield Attack(
        "header-encoded-words-nested",
        lambda: plain(b"Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?=" * 1_000),
    )
    yield Attack(
        "header-encoded-words-from", lambda: plain(b"From: " + b"=?utf-8?q?a?= <a@example.org>, " * 1_500)
    )
    yield Attack(
        "header-addresses-to",
        lambda: plain(b"To: " + b", ".join(b"a%d@example.org" % n for n in range(3_500))),
        "more addresses",
    )
    yield Attack("header-addresses-groups", lambda: plain(b"To: " + b"g: a@example.org, b; " * 2_500))
    yield Attack(
        "header-addresses-to-fields",
        lambda: plain(*[b"To: " + b"a@example.org, " * 200] * 60),
        "more addresses",
    )
    yield Attack(
        "header-parameters", lambda: plain(b"Content-Type: text/plain" + b"; a=b" * 12_000), "more parameters"
    )
    yield Attack(
        "header-parameters-distinct",
        lambda: plain(b"Content-Type: text/plain" + b"".join(b"; a%d=b" % n for n in range(6_000))),
        "more parameters",
    )
    yield Attack(
        "header-parameter-pieces",
        lambda: plain(
            b"Content-Disposition: attachment" + b"".join(b"; filename*%d*=a" % n for n in range(3_000))
        ),
        "more parameters",
    )
    yield Attack(
        "header-parameter-piece-number",
        lambda: plain(b"Content-Disposition: attachment; filename*" + b"9" * 50_000 + b"=a"),
    )
    yield Attack("header-results-comments", lambda: plain(_RESULTS + b"(" * 16_000 + b")" * 16_000))
    yield Attack(
        "header-results-methods", lambda: plain(_RESULTS + b"dkim=pass header.d=a.example; " * 2_000)
    )
    yield Attack("header-results-quotes", lambda: plain(_RESULTS + b'dkim=pass reason="' + b'\\"' * 20_000))
    yield Attack(
        "header-unsubscribe",
        lambda: plain(b"List-Unsubscribe: " + b"<mailto:u@example.org?subject=x>, " * 1_500),
    )
    for year in (b"10000", b"0", b"-1", b"99999999999999999999"):
        yield Attack(
            f"header-date-year-{year.decode()}",
            lambda y=year: plain(b"Date: Sun, 01 Mar " + y + b" 09:30:00 +0000"),
        )
    for zone in (b"+9999", b"-9999", b"+99999999999999", b"(" * 500, b"UTC" * 500):
        yield Attack(
            f"header-date-zone-{len(zone)}-{zone[:1].hex()}",
            lambda z=zone: plain(b"Date: Sun, 01 Mar 2026 09:30:00 " + z),
        )
    yield Attack("header-date-digits", lambda: plain(b"Date: " + b"9" * 50_000))
    yield Attack("header-message-id", lambda: plain(b"Message-ID: <a@[b>"))
    yield Attack(
        "header-bytes", lambda: plain(b"X-Any: " + bytes(n for n in range(1, 256) if n not in (10, 13)))
    )
    yield Attack("header-nul-name", lambda: plain(b"Sub\0ject: x"))
    yield Attack("header-bare-returns", lambda: plain(b"X-A: b\rFrom: forged@example.com\rX-C: d"))
    yield Attack("header-only-returns", lambda: plain().replace(b"\r\n", b"\r"))
    yield Attack("header-only-feeds", lambda: plain().replace(b"\r\n", b"\n"))
    yield Attack("header-mixed-ends", lambda: plain().replace(b"\r\n", b"\r\r\n"))
    yield Attack("header-no-end", lambda: plain()[: plain().index(b"\r\n\r\n")])
    yield Attack("header-none", lambda: b"\r\n\r\nonly a body")
    yield Attack("header-blank-first", lambda: b"\r\n" * 100_000 + plain())
    yield Attack("header-mbox-line", lambda: b"From " + b"a" * 100_000 + b"\r\n" + plain())
    yield Attack("header-bom", lambda: b"\xef\xbb\xbf" + plain())
