"""Links whose tokens open to something large, nested, endless, or dangerous."""

from __future__ import annotations

import base64
import csv
import json
import zlib
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.hostile.attacks.attack import Attack, html, plain

if TYPE_CHECKING:
    from collections.abc import Iterator


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def zlib_bomb(size: int) -> bytes:
    """A zlib stream that opens to this many bytes."""
    return zlib.compress(b"l=" + b"a" * size, 9)


def _layers(count: int) -> bytes:
    data = b"l=https://example.com/"
    for _ in range(count):
        data = zlib.compress(data)
    return data


def _wrapped(depth: int) -> str:
    """Proofpoint's second form around itself: percent-encoding with hyphens grows at each level."""
    url = "https://example.com/"
    for _ in range(depth):
        url = "https://www.google.com/url?q=" + quote(url, safe="")
        if len(url) > 1_000_000:
            break
    return url


def wrappers() -> list[dict[str, str]]:
    """The rows of the rule file: hosts that wrap links, and which decoder opens them."""
    text = resources.files("watcher.cleaning.links").joinpath("trackers.csv").read_text(encoding="utf-8")
    return [row for row in csv.DictReader(text.splitlines()) if not row[next(iter(row))].startswith("#")]


def tokens() -> dict[str, str]:
    """What stands where a token is expected."""
    deep = "[" * 5_000
    return {
        "zlib": _base64(zlib_bomb(8_000_000)),
        "zlib-layers": _base64(_layers(8)),
        "zlib-cut": _base64(zlib_bomb(100_000)[:50]),
        "gzip": _base64(b"\x1f\x8b\x08\x00" + b"\0" * 100),
        "json-deep": _base64(deep.encode()),
        "json-number": _base64(b'{"u":' + b"9" * 5_000 + b"}"),
        "json-twice": _base64(json.dumps({"p": json.dumps({"url": "javascript:alert(1)"})}).encode()),
        "json-self": _base64(b'{"u":{"u":{"u":"x"}},"p":"{}"}'),
        "jwt": f"{_base64(b'{}')}.{_base64(b'[]')}.x",
        "javascript": _base64(b"javascript:alert(1)"),
        "bytes": _base64(bytes(range(256))),
        "percents": "%25" * 4_000,
        "percent-chain": "%" + "25" * 5_000 + "41",
        "huge": "A" * 200_000,
        "stars": "__" + "*" * 10_000 + "__;!!a!b$",
        "tlv": _base64(bytes((0xC4, 0xFF, 0xFF, 0xFF)) * 1_000),
        "tlv-zero": _base64(b"\0" * 5_000),
        "loop": "https%3A%2F%2Fwww.google.com%2Furl%3Fq%3D" * 300,
    }


def _anchor(url: str) -> str:
    return f'<p><a href="{url.replace(chr(34), "%22")}">a link</a></p>'


_URLS = {
    "16KB": "https://example.com/" + "a" * 16_384,
    "2MB": "https://example.com/" + "a" * 2_000_000,
    "query": "https://example.com/?" + "a=b&" * 20_000,
    "same-query": "https://example.com/?" + "utm_source=x&" * 20_000,
    "fragments": "https://example.com/" + "#" * 20_000,
    "userinfo": "https://example.org@evil.example/",
    "userinfo-long": "https://" + "a@" * 10_000 + "example.com/",
    "port": "https://example.com:99999999999999999999/",
    "ports": "https://example.com" + ":1" * 10_000,
    "ipv6": "https://[::1" + ":0" * 10_000 + "]/",
    "ipv6-open": "https://[",
    "host-dots": "https://" + "a." * 20_000 + "example/",
    "host-hyphens": "https://" + "-" * 60_000 + "/",
    "host-idna": "https://" + "\u00fc" * 5_000 + ".example/",
    "host-homograph": "https://\u0435xample.org/",
    "host-odd": "https://0x7f.1/ https://2130706433/",
    "slashes": "https:" + "/" * 60_000,
    "backslashes": "https:" + "\\" * 60_000,
    "scheme": "a" * 60_000 + "://x",
    "scheme-blank": "h t t p s : / / example.com/",
    "controls": "https://exa\tmple.com/\r\n\0x",
    "surrogates": "https://example.com/%ED%A0%80%ED%B0%80",
    "percent-nul": "https://example.com/%00%0d%0a%1b",
    "mailto": "mailto:" + "a@example.org," * 10_000,
    "mailto-body": "mailto:a@example.org?body=" + "%0d%0aBcc:b@example.org" * 2_000,
    "tel": "tel:" + "9" * 60_000,
}


def attacks() -> Iterator[Attack]:
    """Every attack by links: each token at each kind of wrapper, and URLs that are odd by themselves."""
    prefixes = (
        "https://email.mg.example.org/c/{}",
        "https://mandrillapp.com/track/click/1/example.org?p={}",
        "https://www.google.com/url?q={}",
        "https://urldefense.com/v3/{}",
        "https://urldefense.proofpoint.com/v2/url?u={}",
        "https://example.r.bh.d.sendibt3.com/tr/cl/{}",
        "https://click.example.org/f/a/{}",
        "https://substack.com/redirect/2/{}",
        "https://www.bing.com/ck/a?u=a1{}",
        "https://nam01.safelinks.protection.outlook.com/?url={}",
        "https://lnks.gd/l/{}",
        "https://href.li/?{}",
        "https://shoutout.wix.com/so/x/c?w=a.{}",
    )
    for name, token in tokens().items():
        yield Attack(
            f"token-{name}", lambda t=token: html("".join(_anchor(each.format(t)) for each in prefixes))
        )
    for name, url in _URLS.items():
        yield Attack(f"url-{name}", lambda u=url: html(_anchor(u)))
        yield Attack(
            f"url-{name}-plain", lambda u=url: plain(body=f"See {u} for more.\r\n".encode("utf-8", "replace"))
        )
    yield Attack("wrapper-deep", lambda: html(_anchor(_wrapped(30))))
    yield Attack(
        "wrapper-bombs",
        lambda: html(
            "".join(
                _anchor(f"https://email.mg.example.org/c/{_base64(zlib_bomb(1_000_000 + n))}")
                for n in range(2_000)
            )
        ),
    )
    yield Attack(
        "plain-links-10000",
        lambda: plain(body=b"".join(b"https://example.com/%d\r\n" % n for n in range(10_000))),
        "2,000",
    )
    yield Attack("plain-parentheses", lambda: plain(body=b"(https://example.com/" * 20_000))
    yield Attack("plain-colons", lambda: plain(body=b"://" * 500_000))
    yield Attack("plain-https", lambda: plain(body=b"https://" * 100_000))
    yield Attack("plain-brackets", lambda: plain(body=b"[" * 300_000 + b"](" * 100_000))
    yield Attack("plain-rules", lambda: plain(body=(b"-" * 78 + b"\r\n") * 20_000))
