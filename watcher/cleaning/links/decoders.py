"""Reading the destination out of a click link, offline.

Each decoder takes the URL and the argument of its rule and gives the destination, or None: a token that is
damaged, too long or of another form is never guessed at. Which sender uses which decoder stands in
`trackers.csv`; how its token is built, in the docstrings here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable

    from watcher.cleaning.links.url import Url

    Reader = Callable[[Url, str], str | None]

_BAD_TOKEN = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    RecursionError,
    zlib.error,
)  # of bad tokens

_MAX_TOKEN = 16_384  # characters
_MAX_INFLATED = 65_536  # bytes
_MAX_DESTINATION = 16_384

_WEB = re.compile(r"https?://[^/?#]", re.IGNORECASE)
_QUOTED_WEB = re.compile(r"(?:https?:|https?%3a|//|%2f%2f)(?:/|%2f)", re.IGNORECASE)
_BARE_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:[/?#]|$)")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+")
_TAIL = re.compile(r"[&?](https?(?::|%3a).*)", re.IGNORECASE)
_PROOFPOINT_V3 = re.compile(r"/v3/__(.+?)__;([\w*!-]*?)!", re.DOTALL)
_RUN_LENGTHS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Decoder:
    """A reader of destinations that cannot raise, and whose result is a complete URL or None."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __call__(self, url: Url, argument: str) -> str | None:
        """Give the destination as an absolute URL, or None."""
        try:
            found = self._reader(url, argument)
        except _BAD_TOKEN:
            return None
        return completed(found) if isinstance(found, str) else None


def completed(found: str) -> str | None:
    """Make a destination absolute: senders leave out its scheme, or encode the whole once too often."""
    text = found.strip()
    if len(text) > _MAX_DESTINATION:
        return None
    for _ in range(3):
        if _WEB.match(text):
            return text.replace(" ", "%20")
        if not _QUOTED_WEB.match(text) or "%" not in text:
            break
        text = unquoted(text)
    if text.startswith("//"):
        text = "https:" + text
    elif _BARE_HOST.match(text):
        text = "https://" + text
    elif not _SCHEME.match(text):
        return None  # a relative URL or a template that was never filled in
    return text.replace(" ", "%20")


def unquoted(text: str) -> str:
    """Percent-decode; bytes that are no UTF-8 stay percent-encoded, so nothing is lost."""
    if "%" not in text:
        return text
    decoded = unquote(text, errors="surrogateescape")
    if decoded.isascii():
        return decoded
    return re.sub(r"[\udc80-\udcff]", lambda match: f"%{ord(match[0]) - 0xDC00:02X}", decoded)


def _query(url: Url, argument: str) -> str | None:
    """Read a field of the query; the argument lists the names it may have, best first."""
    for name in argument.split():
        value = _field(url, name)
        if value:
            return unquoted(value)
    return None


def _query_base64(url: Url, argument: str) -> str | None:
    """Read a field that holds base64 of a percent-encoded URL (ActiveCampaign)."""
    return unquoted(_text64(unquoted(_field(url, argument) or "")))


def _query_tail(url: Url, argument: str) -> str | None:
    """Take everything after a field's name, `&` included unless it is encoded (Google's `adurl=`)."""
    tail = f"&{url.query or ''}".partition(f"&{argument}=")[2]
    return unquoted(tail.partition("&")[0]) if re.match(r"[^&/]*%2f", tail, re.IGNORECASE) else tail


def _tail(url: Url, _: str) -> str | None:
    """Take a URL that ends the query without a name of its own (GovDelivery's `track?`)."""
    match = _TAIL.search(f"&{url.query or ''}")
    return unquoted(match[1]) if match else None


def _whole_query(url: Url, _: str) -> str | None:
    """Take the query itself (href.li)."""
    query = url.query or ""
    return unquoted(query) if re.match("https?%3a", query, re.IGNORECASE) else query


def _rest(url: Url, argument: str) -> str | None:
    """Take host, path and query after a prefix of the path (Google AMP)."""
    rest = url.path.removeprefix(argument)
    return f"https://{rest}" + (f"?{url.query}" if url.query else "") if rest else None


def _segment(url: Url, argument: str) -> str | None:
    """Read a percent-encoded path segment; the argument is its place, 1 for the first, -1 for the last."""
    return unquoted(_piece(url, argument))


def _segment_base64(url: Url, argument: str) -> str | None:
    """Read a path segment in base64."""
    return _text64(unquoted(_piece(url, argument)))


def _segment_json(url: Url, argument: str) -> str | None:
    """Read a member of a JSON object in base64, up to its first dot; the argument: place and member."""
    place, member = argument.split()
    return _member(_piece(url, place).partition(".")[0], member)


def _jwt(url: Url, argument: str) -> str | None:
    """Read a JSON Web Token (RFC 7519): the second of its three parts holds the claims."""
    place, member = argument.split()
    return _member(_piece(url, place).split(".")[1], member)


def _wix(url: Url, argument: str) -> str | None:
    """Read `signature.token`, the token being base64 of JSON; real ones carry junk after it."""
    token = (_field(url, argument) or "").partition(".")[2]
    match = _BASE64.match(token)
    return _member(match[0], "u") if match else None


def _mandrill(url: Url, argument: str) -> str | None:
    """Open base64 of JSON whose member `p` is JSON again."""
    outer = json.loads(_bytes64(unquoted(_field(url, argument) or "")))
    return _string(json.loads(outer["p"])["url"])


def _mailgun(url: Url, argument: str) -> str | None:
    """Open base64 of a zlib stream that holds a query string: `l` the URL, `r` the recipient."""
    opener = zlib.decompressobj()
    opened = opener.decompress(_bytes64(_piece(url, argument)), _MAX_INFLATED)
    if opener.unconsumed_tail:
        return None
    for field in opened.decode("utf-8").split("&"):
        if field.startswith("l="):
            return unquoted(field[2:].replace("+", "%20"))
    return None


def _sparkpost(url: Url, argument: str) -> str | None:
    """Open base64 of a TLV list: `(length bytes << 6) | tag`, a little-endian length; tag 4 is the URL."""
    data = _bytes64(unquoted(_piece(url, argument)).rstrip("~"))
    place = 0
    while place < len(data):
        width, tag = data[place] >> 6, data[place] & 63
        start = place + 1 + width
        length = int.from_bytes(data[place + 1 : start], "little")
        if tag == 4:
            return data[start : start + length].decode("utf-8")
        place = start + length
    return None


def _bing(url: Url, argument: str) -> str | None:
    """Open `a1` and base64 of the URL."""
    value = _field(url, argument) or ""
    return _text64(value[2:]) if value.startswith("a1") else None


def _proofpoint_v2(url: Url, argument: str) -> str | None:
    """Undo percent-encoding with `-` for `%` and `_` for `/`."""
    return unquoted((_field(url, argument) or "").replace("-", "%").replace("_", "/"))


def _proofpoint_v3(url: Url, _: str) -> str | None:
    """Undo `__URL__;characters!signature`: each `*` is the next character, `**X` a run of them."""
    match = _PROOFPOINT_V3.search(url.text)
    if match is None or len(match[2]) > _MAX_TOKEN:
        return None
    characters = iter(_text64(match[2])) if match[2] else iter(())

    def replaced(star: re.Match[str]) -> str:
        length = _RUN_LENGTHS.index(star[1]) + 2 if star[1] else 1
        return "".join(next(characters, "*") for _ in range(length))

    text = re.sub(r"\*(?:\*(.))?", replaced, match[1])
    return re.sub(r"^(https?:/)(?!/)", r"\1/", text, flags=re.IGNORECASE)


def _linkedin(url: Url, _: str) -> str | None:
    """Give the page behind LinkedIn's `/comm` prefix, which only adds tokens."""
    scheme_and_host = url.base[: len(url.base) - len(url.path)]
    return scheme_and_host + (url.path.removeprefix("/comm") or "/") + (f"?{url.query}" if url.query else "")


def _field(url: Url, name: str) -> str | None:
    """Give the value of a query field as written; a text part may have escaped its `&` as `&amp;`."""
    for field in (url.query or "").split("&"):
        key, _, value = field.partition("=")
        if key in {name, f"amp;{name}"}:
            return value
    return None


def _piece(url: Url, place: str) -> str:
    pieces = url.path.split("/")
    return pieces[int(place)]


def _bytes64(token: str) -> bytes:
    if not token or len(token) > _MAX_TOKEN or not _BASE64.fullmatch(token.rstrip("=~")):
        raise binascii.Error("not base64")
    token = token.rstrip("=~").replace("-", "+").replace("_", "/")
    return base64.b64decode(token + "=" * (-len(token) % 4))


def _text64(token: str) -> str:
    return _bytes64(token).decode("utf-8")


def _member(token: str, name: str) -> str | None:
    return _string(json.loads(_bytes64(token))[name])


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


DECODERS: dict[str, Decoder] = {
    reader.__name__.lstrip("_"): Decoder(reader)
    for reader in (
        _query,
        _query_base64,
        _query_tail,
        _tail,
        _whole_query,
        _rest,
        _segment,
        _segment_base64,
        _segment_json,
        _jwt,
        _wix,
        _mandrill,
        _mailgun,
        _sparkpost,
        _bing,
        _proofpoint_v2,
        _proofpoint_v3,
        _linkedin,
    )
}
