"""The structure (RFC 2046): deep, broad, endless, and ambiguous about where a part ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hostile.attacks.attack import Attack, head, plain

if TYPE_CHECKING:
    from collections.abc import Iterator


def nested(depth: int, subtype: bytes = b"mixed") -> bytes:
    """A mail of multiparts within multiparts."""
    levels = b"".join(
        b"Content-Type: multipart/%s; boundary=b%d\r\n\r\n--b%d\r\n" % (subtype, n, n) for n in range(depth)
    )
    return head(b"Subject: nested")[:-2] + levels + b"\r\ninner words\r\n"


def _closed(depth: int) -> bytes:
    ends = b"".join(b"--b%d--\r\n" % n for n in reversed(range(depth)))
    return nested(depth) + ends


def parts(count: int, part: bytes = b"\r\n", kind: bytes = b"mixed") -> bytes:
    """A mail of so many parts of one kind."""
    return (
        head(b"Subject: parts", b"Content-Type: multipart/%s; boundary=b" % kind)
        + (b"--b\r\n" + part) * count
    )


def _same_boundary(depth: int) -> bytes:
    level = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    return head(b"Subject: one name")[:-2] + level * depth + b"\r\ninner words\r\n--b--\r\n" * depth


def _prefixes(count: int) -> bytes:
    levels = b"".join(
        b"Content-Type: multipart/mixed; boundary=" + b"b" * n + b"\r\n\r\n--" + b"b" * n + b"\r\n"
        for n in range(1, count)
    )
    return head(b"Subject: prefixes")[:-2] + levels + b"\r\ninner words\r\n"


def _text(body: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join((b"Content-Type: text/plain", *fields)) + b"\r\n\r\n" + body + b"\r\n"


_ODD_BOUNDARIES = {
    "empty": b'boundary=""',
    "blank": b'boundary=" "',
    "hyphens": b'boundary="--"',
    "long": b'boundary="' + b"x" * 5_000 + b'"',
    "quotes": b'boundary="b\\"',
    "twice": b"boundary=b; boundary=c",
    "encoded": b"boundary*=utf-8''b",
    "pieces": b"boundary*0=; boundary*1=b",
    "encoded-word": b"boundary==?utf-8?q?b?=",
    "bytes": b'boundary="\xff\xfe"',
    "nul": b'boundary="b\0"',
    "missing": b"charset=utf-8",
}


_COSTLY = {
    "semicolons": b"Content-Type: text/plain; name=%d" + b";" * 50_000,
    "parameters": b"Content-Type: text/plain; name=%d" + b"; a=b" * 12_000,
    "words": b'Content-Disposition: attachment; filename="%d' + b"=?utf-8?q?a?= " * 4_000 + b'"',
    "pieces": b"Content-Disposition: attachment; x=%d"
    + b"".join(b"; filename*%d*=a" % n for n in range(3_000)),
    "quotes": b'Content-Type: text/plain; name="%d' + b'\\"' * 25_000,
    "id": b"Content-ID: %d" + b"<" * 50_000,
    "encoding": b"Content-Transfer-Encoding: %d" + b" " * 50_000,
    "name": b'Content-Disposition: attachment; filename="%d' + "\u0300".encode() * 25_000 + b'"',
    "type": b"Content-Type: %d" + b"a/" * 25_000,
    "fields": b"A: b\r\n" * 900 + b"B: %d",
}
"""A field of 60 KB that one part may have, and so may all of them: each with a number of its own."""


def _distinct_parts(count: int, field: bytes) -> bytes:
    field = field.replace(b"%d", b"\1").replace(b"%", b"%%").replace(b"\1", b"%d")
    return head(b"Subject: parts", b"Content-Type: multipart/mixed; boundary=b") + b"".join(
        b"--b\r\n" + field % number + b"\r\n\r\nx\r\n" for number in range(count)
    )


def attacks() -> Iterator[Attack]:
    """Every attack on the structure."""
    for depth in (100, 2_000, 20_000):
        yield Attack(f"mime-depth-{depth}", lambda n=depth: nested(n), "nested deeper")
        yield Attack(f"mime-depth-closed-{depth}", lambda n=depth: _closed(n), "nested deeper")
    yield Attack("mime-depth-alternative", lambda: nested(2_000, b"alternative"), "nested deeper")
    yield Attack("mime-depth-digest", lambda: nested(2_000, b"digest"), "nested deeper")
    yield Attack("mime-depth-signed", lambda: nested(2_000, b"signed"), "nested deeper")
    for count in (10_000, 100_000):
        yield Attack(f"mime-breadth-{count}", lambda n=count: parts(n), "more parts")
    yield Attack("mime-breadth-alternative", lambda: parts(50_000, kind=b"alternative"), "more parts")
    yield Attack("mime-breadth-texts", lambda: parts(2_000, _text(b"word " * 500)), "more parts")
    yield Attack(
        "mime-breadth-empty-multiparts",
        lambda: parts(30_000, b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"),
        "deeper",
    )
    yield Attack("mime-breadth-headers", lambda: parts(400, b"A: b\r\n" * 900 + b"\r\nx\r\n"), "more parts")
    yield Attack("mime-breadth-long-headers", lambda: parts(400, b"A: " + b"b" * 60_000 + b"\r\n\r\nx\r\n"))
    for name, field in _COSTLY.items():
        yield Attack(
            f"mime-breadth-{name}",
            lambda f=field: _distinct_parts(480, f),
            "more parts" if name != "fields" else "",
        )
    yield Attack(
        "mime-message-chain-1000", lambda: plain(body=b"") + b"Content-Type: message/rfc822\r\n\r\n" * 1_000
    )
    yield Attack(
        "mime-message-chain",
        lambda: head(b"Subject: chain")[:-2] + b"Content-Type: message/rfc822\r\n\r\n" * 50_000 + b"end",
    )
    yield Attack(
        "mime-message-in-multipart",
        lambda: (
            head(b"Subject: chain")[:-2]
            + b"".join(
                b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
                b"Content-Type: message/rfc822\r\n\r\n" % (n, n)
                for n in range(3_000)
            )
        ),
    )
    yield Attack(
        "mime-message-base64",
        lambda: plain(
            b"Content-Type: message/rfc822",
            b"Content-Transfer-Encoding: base64",
            body=b"U3ViamVjdDogeA0K" * 50_000,
        ),
    )
    yield Attack(
        "mime-partial", lambda: plain(b'Content-Type: message/partial; id="x"; number=1; total=999999999')
    )
    yield Attack(
        "mime-external-body",
        lambda: plain(b'Content-Type: message/external-body; access-type=local-file; name="/etc/passwd"'),
    )
    yield Attack("mime-same-boundary", lambda: _same_boundary(2_000))
    yield Attack("mime-boundary-prefixes", lambda: _prefixes(300))
    yield Attack(
        "mime-lines-of-hyphens",
        lambda: head(b"Subject: x", b"Content-Type: multipart/mixed; boundary=b") + b"--\r\n" * 1_000_000,
    )
    yield Attack(
        "mime-near-boundaries",
        lambda: head(b"Subject: x", b"Content-Type: multipart/mixed; boundary=b") + b"--bb\r\n" * 500_000,
    )
    yield Attack(
        "mime-near-closings",
        lambda: (
            head(b"Subject: x", b"Content-Type: multipart/mixed; boundary=b")
            + b"--b\r\n--b-- x\r\n" * 100_000
        ),
    )
    yield Attack(
        "mime-long-near-boundary",
        lambda: head(b"Subject: x", b"Content-Type: multipart/mixed; boundary=b") + b"--" + b"b" * 5_000_000,
    )
    yield Attack(
        "mime-guessing",
        lambda: (
            head(b"Subject: x", b"Content-Type: multipart/mixed; boundary=never")
            + b"--"
            + b"a" * 199
            + b"\r\ncontent" * 20_000
        ),
    )
    for name, parameter in _ODD_BOUNDARIES.items():
        body = b"--b\r\n" + _text(b"first") + b"--b\r\n" + _text(b"second") + b"--b--\r\n"
        yield Attack(
            f"mime-boundary-{name}",
            lambda p=parameter, b=body: head(b"Subject: x", b"Content-Type: multipart/mixed; " + p) + b,
        )
    yield Attack("mime-only-boundary", lambda: b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b")
    yield Attack("mime-only-closing", lambda: b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--")
    yield Attack(
        "mime-loop",
        lambda: (
            head(b"Subject: x", b"Content-Type: multipart/mixed; boundary=a")
            + (b"--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n") * 20_000
        ),
    )
    yield Attack(
        "body-base64-100MB",
        lambda: plain(
            b"Content-Type: application/octet-stream",
            b"Content-Transfer-Encoding: base64",
            body=(b"QUFB" * 19 + b"\r\n") * (100_000_000 // 78),
        ),
    )
    yield Attack(
        "body-base64-text",
        lambda: plain(b"Content-Transfer-Encoding: base64", body=(b"d29yZHMg" * 9 + b"\r\n") * 400_000),
        "longer than",
    )
    yield Attack(
        "body-base64-damaged", lambda: plain(b"Content-Transfer-Encoding: base64", body=b"QQ=" * 1_000_000)
    )
    yield Attack(
        "body-base64-garbage",
        lambda: plain(b"Content-Transfer-Encoding: base64", body=bytes(range(256)) * 20_000),
    )
    yield Attack(
        "body-quoted-printable",
        lambda: plain(b"Content-Transfer-Encoding: quoted-printable", body=b"=" * 2_000_000),
    )
    yield Attack(
        "body-quoted-printable-soft",
        lambda: plain(b"Content-Transfer-Encoding: quoted-printable", body=b"=\r\n" * 1_000_000),
    )
    yield Attack(
        "body-quoted-printable-blanks",
        lambda: plain(b"Content-Transfer-Encoding: quoted-printable", body=(b"=" + b" " * 20_000) * 100),
    )
    yield Attack(
        "body-uuencode",
        lambda: plain(
            b"Content-Transfer-Encoding: x-uuencode",
            body=b"begin 644 x\n" + b"M" * 60 + b"\n" + b"begin 644 " * 100_000,
        ),
    )
    yield Attack(
        "body-uuencode-lines",
        lambda: plain(b"Content-Transfer-Encoding: uuencode", body=b"begin 644 x\n" + b"~\xff\n" * 300_000),
    )
    yield Attack("body-unknown-encoding", lambda: plain(b"Content-Transfer-Encoding: x-bomb"), "unknown")
    yield Attack("body-one-line-20MB", lambda: plain(body=b"a" * 20_000_000), "longer than")
    yield Attack("body-blank-20MB", lambda: plain(body=b" " * 20_000_000), "longer than")
    yield Attack("body-lines-5MB", lambda: plain(body=b"\r\n" * 2_500_000))
    yield Attack("body-returns-5MB", lambda: plain(body=b"\r" * 5_000_000))
    yield Attack("body-quotes-5MB", lambda: plain(body=b"> " * 2_500_000))
    yield Attack(
        "body-flowed",
        lambda: plain(b"Content-Type: text/plain; format=flowed; delsp=yes", body=b"> > > x \r\n" * 300_000),
    )
    yield Attack("body-nul", lambda: plain(body=b"\0" * 1_000_000 + b"words"))
