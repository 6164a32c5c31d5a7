"""Hypothesis strategies for mail and HTML as strangers write it: well formed in places, broken in others."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n"])
_NAMES = st.sampled_from(
    [
        b"From",
        b"To",
        b"Subject",
        b"Date",
        b"List-Id",
        b"List-Unsubscribe",
        b"Received",
        b"Message-ID",
        b"Authentication-Results",
        b"DKIM-Signature",
        b"Return-Path",
        b"X-Mailer",
        b"Feedback-ID",
        b"Cc",
    ]
)
_CHARSETS = st.sampled_from(
    [
        b"utf-8",
        b"iso-8859-1",
        b"windows-1251",
        b"utf-16",
        b"utf-7",
        b"iso-2022-jp",
        b"gb18030",
        b"punycode",
        b"idna",
        b"x-unknown",
        b"",
    ]
)
_ENCODINGS = st.sampled_from([b"7bit", b"8bit", b"base64", b"quoted-printable", b"x-uuencode", b"nothing"])
_TYPES = st.sampled_from(
    [b"text/plain", b"text/html", b"text/calendar", b"image/png", b"message/rfc822", b"application/pdf", b"x"]
)
_WORDS = st.sampled_from(
    [
        "news",
        "unsubscribe",
        "View in browser",
        "© 2026",
        "Spring sale",
        "hidden.reader@example.org",
        "\u202egpj",
        "\x1b[2J",
        "=1+1",
        "'; --",
        "\u200b",
        "z\u0300\u0300",
        "\U0001f469\u200d",
        "\0",
        "\ud800",
        "你好",
        "שלום",
    ]
)
_TAGS = st.sampled_from(
    [
        "a",
        "b",
        "i",
        "p",
        "br",
        "div",
        "span",
        "table",
        "tr",
        "td",
        "th",
        "ul",
        "li",
        "h1",
        "img",
        "style",
        "script",
        "svg",
        "math",
        "title",
        "template",
        "select",
        "option",
        "form",
        "input",
        "body",
        "html",
        "head",
        "iframe",
        "pre",
        "textarea",
        "center",
        "font",
        "blockquote",
        "noscript",
        "xmp",
        "x-y",
    ]
)
_HOSTS = st.sampled_from(
    [
        "example.org",
        "email.mg.example.org",
        "click.example.com",
        "www.google.com",
        "urldefense.com",
        "x.list-manage.com",
        "substack.com",
        "[::1]",
        "0x7f.1",
        "\u0435xample.org",
        "a@b",
        "",
    ]
)


def _bytes(texts: SearchStrategy[str]) -> SearchStrategy[bytes]:
    return texts.map(lambda text: text.encode("utf-8", "surrogatepass"))


def texts() -> SearchStrategy[str]:
    """A few words, any characters among them."""
    return st.lists(_WORDS | st.text(max_size=12), max_size=8).map(" ".join)


def urls() -> SearchStrategy[str]:
    """Addresses of pages, of click links and of nothing at all."""
    token = st.binary(max_size=40).map(lambda data: base64.urlsafe_b64encode(data).decode())
    piece = (
        st.sampled_from(["c", "track", "click", "url", "l", "%2F", "..", "%00"]) | token | st.text(max_size=6)
    )
    path = st.lists(piece, max_size=5).map("/".join)
    query = st.lists(st.tuples(piece, piece | st.just("https://example.com/")).map("=".join), max_size=3)
    scheme = st.sampled_from(
        ["https://", "http://", "//", "mailto:", "javascript:", "data:", "HTTP:\\\\", ""]
    )
    return st.builds(lambda s, h, p, q: f"{s}{h}/{p}?{'&'.join(q)}", scheme, _HOSTS, path, query)


def attributes() -> SearchStrategy[str]:
    """What stands in a start tag."""
    style = st.sampled_from(
        [
            "display:none",
            "color:red",
            "background:url(http://evil.example)",
            "u\\72l(x)",
            "position:fixed",
            "}",
            "/*",
        ]
    )
    value = urls() | style | texts()
    name = st.sampled_from(
        [
            "href",
            "src",
            "style",
            "alt",
            "title",
            "class",
            "id",
            "width",
            "height",
            "background",
            "onclick",
            "srcset",
        ]
    )
    quoted = st.builds(lambda n, v, q: f"{n}={q}{v}{q}", name, value, st.sampled_from(['"', "'", "", "`"]))
    return st.lists(quoted, max_size=4).map(" ".join)


def markup() -> SearchStrategy[str]:
    """HTML: trees, some of them with a bracket, an end tag or a comment where none belongs."""
    opened = st.builds(lambda tag, attrs: f"<{tag} {attrs}>", _TAGS, attributes())
    noise = st.sampled_from(
        ["<", "</", "<!--", "-->", "<![CDATA[", "]]>", "&#", "&amp", ">", "<!doctype", "</x>"]
    )
    leaf = texts() | opened | noise | _TAGS.map("</{}>".format)
    trees = st.recursive(
        leaf,
        lambda inner: st.builds(
            lambda tag, attrs, children: f"<{tag} {attrs}>{''.join(children)}</{tag}>",
            _TAGS,
            attributes(),
            st.lists(inner, max_size=4),
        ),
        max_leaves=12,
    )
    return st.lists(trees, max_size=5).map("".join)


def _word(charset: bytes, data: bytes) -> bytes:
    return b"=?" + charset + b"?B?" + base64.b64encode(data) + b"?="


def values() -> SearchStrategy[bytes]:
    """The value of a header field."""
    raw = _bytes(texts())
    words = st.builds(_word, _CHARSETS, st.binary(max_size=20) | raw)
    address = st.builds(lambda name, host: name + b" <news@" + host.encode() + b">", raw | words, _HOSTS)
    odd = st.sampled_from([b"(" * 9, b'"', b"\\", b"<>", b"Sun, 01 Mar 2026 09:30:00 +0000", b"a@b, c; d:"])
    return st.lists(raw | words | address | odd, max_size=3).map(b" ".join)


def parts() -> SearchStrategy[bytes]:
    """The parts of a mail: leaves, and multiparts around them whose boundary is sometimes another."""
    body = _bytes(texts() | markup()) | st.binary(max_size=60)
    leaf = st.builds(_leaf, _TYPES, _CHARSETS, _ENCODINGS, values(), body)
    return st.recursive(
        leaf, lambda inner: st.builds(_multipart, _SUBTYPES, _BOUNDARIES, st.lists(inner, max_size=3))
    )


_SUBTYPES = st.sampled_from([b"mixed", b"alternative", b"related", b"digest", b"x"])
_BOUNDARIES = st.tuples(*[st.sampled_from([b"a", b"b", b"a--", b"", b"\xff"])] * 2) | st.just((b"a", b"a"))


def _leaf(kind: bytes, charset: bytes, encoding: bytes, name: bytes, body: bytes) -> bytes:
    if encoding == b"base64":
        body = base64.b64encode(body)
    fields = (
        b"Content-Type: " + kind + b"; charset=" + charset,
        b"Content-Transfer-Encoding: " + encoding,
        b'Content-Disposition: attachment; filename="' + name + b'"'
        if kind.startswith((b"i", b"a"))
        else b"X: y",
    )
    return b"\r\n".join(fields) + b"\r\n\r\n" + body


def _multipart(subtype: bytes, boundaries: tuple[bytes, bytes], inner: list[bytes]) -> bytes:
    declared, used = boundaries
    head = b"Content-Type: multipart/" + subtype + b'; boundary="' + declared + b'"\r\n\r\n'
    return head + b"".join(b"\r\n--" + used + b"\r\n" + part for part in inner) + b"\r\n--" + used + b"--\r\n"


def mails() -> SearchStrategy[bytes]:
    """Raw mails."""
    field = st.builds(lambda name, value, end: name + b": " + value + end, _NAMES, values(), _ENDS)
    return st.builds(lambda fields, part: b"".join(fields) + part, st.lists(field, max_size=8), parts())
