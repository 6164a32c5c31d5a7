"""The kinds of values that settings have: each from the text of the file, each refusing with what is allowed.

A message repeats a value only when it is short and of a kind that is never secret.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from contextlib import suppress
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from watcher.settings.values import DnsServer

if TYPE_CHECKING:
    from collections.abc import Callable

OURS = "settings"
"""The type of every pydantic error whose wording is ours."""

_EVERY = (timedelta(seconds=10), timedelta(days=1))
"""Providers slow down who asks more often; a mailbox that is asked less
than daily is found broken too late."""
_MAX_MESSAGE = (100_000, 900_000_000)
"""An ordinary newsletter must pass; SQLite's limit for one value is 1,000,000,000 bytes."""

_DNS_PORT = 53

_SLUG = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")
_HOST = re.compile(r"(?!-)[^\W_](?:[\w-]{0,62})(?:\.[^\W_][\w-]{0,62})*\.?")
_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
_AUTHSERV_ID = re.compile(r"[^\s;,()<>\"@]+")
_CREDENTIAL = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.@:+-]{1,255}")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_DURATION = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?) ?(k|M|G|Ki|Mi|Gi)?B", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LONGEST_TEXT = 1000
_LONGEST_ECHO = 40

_E = TypeVar("_E", bound=StrEnum)


def invalid(message: str, *, at: str = "") -> PydanticCustomError:
    """Make the error that a validator raises; `at` names a neighbouring key to point to instead."""
    return PydanticCustomError(OURS, "{message}", {"message": message, "at": at})


def text(value: object) -> str:
    """Require one line of text that is not empty."""
    if value is None or value == "":
        raise invalid("is empty: write a value, or delete the line")
    if not isinstance(value, str):
        raise invalid("must be a single value, not a list or a mapping")
    if any(unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} for char in value):
        raise invalid("must be one line without control characters")
    if value != value.strip():
        raise invalid("must not begin or end with a space")
    if len(value) > _LONGEST_TEXT:
        raise invalid(f"is longer than {_LONGEST_TEXT:,} characters")
    return value


def _echo(value: str) -> str:
    return f", not `{value}`" if len(value) <= _LONGEST_ECHO and value.isprintable() else ""


def _matching(pattern: re.Pattern[str], allowed: str, *, lower: bool = False) -> Callable[[object], str]:
    """Make a validator of texts; `allowed` completes "must be"."""

    def check(value: object) -> str:
        written = text(value)
        if not pattern.fullmatch(written):
            raise invalid(f"must be {allowed}")
        return written.lower() if lower else written

    return check


def _choice(kind: type[_E]) -> Callable[[object], _E]:
    names = [f"`{each.value}`" for each in kind]
    allowed = f"{', '.join(names[:-1])} or {names[-1]}"

    def check(value: object) -> _E:
        written = text(value)
        if written not in set(kind):
            raise invalid(f"must be {allowed}{_echo(written)}")
        return kind(written)

    return check


def one_of(kind: type[StrEnum]) -> tuple[BeforeValidator, WithJsonSchema]:
    """Return the annotations of a setting that is one word of `kind`."""
    return BeforeValidator(_choice(kind)), WithJsonSchema(
        {"type": "string", "enum": [each.value for each in kind]}
    )


def _slug(value: object) -> str:
    written = text(value)
    if not _SLUG.fullmatch(written) or len(written) > 64:
        raise invalid(
            "must be a short name of a-z, 0-9 and single `-`, `_`, `.` between them" + _echo(written)
        )
    return written


def _host(value: object) -> str:
    written = text(value)
    if "://" in written:
        raise invalid("must be the host name alone, without `imap://`")
    try:
        ipaddress.ip_address(written)
    except ValueError:
        host, colon, port = written.rpartition(":")
        if colon and port.isdigit() and _HOST.fullmatch(host):
            raise invalid(
                f"must be the host name alone; the port has a line of its own: `port: {port}`"
            ) from None
        if not _HOST.fullmatch(written) or len(written) > 253:
            raise invalid("must be a host name such as `imap.example.org`, or an IP address") from None
    return written.lower()


def _port(value: object) -> int:
    written = text(value)
    if not re.fullmatch(r"[0-9]{1,9}", written) or not 1 <= int(written) <= 65_535:
        raise invalid(f"must be a number between 1 and 65535{_echo(written)}")
    return int(written)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):  # the default
        return value
    written = text(value)
    if written not in {"true", "false"}:
        raise invalid(f"must be `true` or `false`{_echo(written)}")
    return written == "true"


def duration(value: object, least: timedelta, most: timedelta) -> timedelta:
    """Read a duration, in whole units, between two."""
    written = text(value)
    matched = _DURATION.fullmatch(written)
    if matched is None:
        hint = "; a number needs its unit" if written.isdecimal() else ""
        raise invalid(f"must be a duration such as `90s`, `5m`, `1h30m` or `1d`{_echo(written)}{hint}")
    days, hours, minutes, seconds = (int(part or 0) for part in matched.groups())
    found = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not least <= found <= most:
        raise invalid(f"must be between `{_in_words(least)}` and `{_in_words(most)}`{_echo(written)}")
    return found


def _in_words(duration: timedelta) -> str:
    """One unit, the largest that divides it."""
    seconds = int(duration.total_seconds())
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds // unit}{name}"
    return f"{seconds}s"


def _every(value: object) -> timedelta:
    return duration(value, *_EVERY)


def size(value: object, least: int, most: int) -> int:
    """Read a number of bytes between two."""
    written = text(value)
    matched = _SIZE.fullmatch(written)
    if matched is None:
        raise invalid(f"must be a size such as `500kB`, `50MB` or `64MiB`{_echo(written)}")
    found = int(float(matched[1]) * _SIZE_UNITS[(matched[2] or "").lower()])
    if not least <= found <= most:
        raise invalid(f"must be between `{_in_bytes(least)}` and `{_in_bytes(most)}`{_echo(written)}")
    return found


def _in_bytes(size: int) -> str:
    """One unit, the largest that divides it."""
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if size % unit == 0:
            return f"{size // unit}{name}"
    return f"{size // 1000}kB"


def _size(value: object) -> int:
    return size(value, *_MAX_MESSAGE)


def _since(value: object) -> date:
    written = text(value)
    with suppress(ValueError):
        if _DATE.fullmatch(written):
            return date.fromisoformat(written)
    raise invalid(f"must be a day of the calendar such as `2024-01-31`{_echo(written)}")


def _folder(value: object) -> str:
    written = text(value)
    if any(wildcard in written for wildcard in "*%"):
        raise invalid("must be the name of one folder: `*` and `%` are no names, list each folder")
    return "INBOX" if written.upper() == "INBOX" else written  # RFC 9051, section 5.1: in any case


def _mx(value: object) -> str:
    written = text(value)
    if not _HOST.fullmatch(written.removeprefix("*.")):
        raise invalid("must be a host name such as `mx.example.org`, or all below one, as `*.mx.example.org`")
    return written.lower()


def _redact(value: object) -> str:
    written = text(value)
    if len(written) < 2:
        raise invalid("must have at least two characters: one letter would be taken out of every word")
    return written


def _website(value: object) -> str:
    written = text(value)
    if not re.fullmatch(r"https?://[^\s/@]+(?:/\S*)?", written):
        raise invalid("must be an address such as `https://www.example.org/`")
    return written


def _list_id(value: object) -> str:
    written = text(value).lower()
    bare = written[1:-1] if written.startswith("<") and written.endswith(">") else written
    if not re.fullmatch(r"[^\s<>@]+", bare):
        raise invalid("must be the part of List-Id inside `<>`, such as `news.example.org`")
    return bare


def _account(value: object) -> str:
    provider, _, account = text(value).partition(":")
    if not provider or not account or any(char.isspace() for char in provider + account):
        raise invalid("must be the platform and the account there, as in `mailchimp:0123456789abcdef`")
    return f"{provider.lower()}:{account}"


def _domain(value: object) -> str:
    written = text(value)
    if not _HOST.fullmatch(written):
        raise invalid("must be a domain such as `example.org`, without `@` and without `*`")
    return written.lower().rstrip(".")


def _words(*, lower: bool) -> Callable[[object], str]:
    return lambda value: text(value).lower() if lower else text(value)


def _as(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **schema})


def _anchored(pattern: re.Pattern[str]) -> str:
    return f"^{pattern.pattern}$"


def _dns_server(value: object) -> DnsServer:
    written = text(value)
    address, port = written, str(_DNS_PORT)
    if written.startswith("[") and "]" in written:
        address, _, rest = written[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif written.count(":") == 1:
        address, _, port = written.partition(":")
    try:
        return DnsServer(str(ipaddress.ip_address(address)), _port(port))
    except ValueError:
        raise invalid(
            "must be the IP address of a resolver, such as `192.0.2.53`, `192.0.2.53:5353` or "
            "`[2001:db8::53]:5353`"
        ) from None


Text = Annotated[str, BeforeValidator(_words(lower=False)), _as({"minLength": 1})]
Token = Annotated[str, BeforeValidator(_words(lower=True)), _as({"minLength": 1})]
Slug = Annotated[str, BeforeValidator(_slug), _as({"pattern": _anchored(_SLUG), "maxLength": 64})]
Host = Annotated[str, BeforeValidator(_host), _as({"minLength": 1})]
Port = Annotated[
    int, BeforeValidator(_port), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 65_535})
]
Boolean = Annotated[bool, BeforeValidator(_boolean), WithJsonSchema({"type": "boolean"})]
Resolver = Annotated[DnsServer, BeforeValidator(_dns_server), _as({"minLength": 1})]
DURATION_SCHEMA = _as({"pattern": r"^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"})
SIZE_SCHEMA = _as({"pattern": r"^\d+(\.\d+)? ?([kKMG]i?)?B$"})
Every = Annotated[timedelta, BeforeValidator(_every), DURATION_SCHEMA]
Size = Annotated[int, BeforeValidator(_size), SIZE_SCHEMA]
Since = Annotated[date, BeforeValidator(_since), _as({"format": "date"})]
Folder = Annotated[str, BeforeValidator(_folder), _as({"minLength": 1})]
Mx = Annotated[str, BeforeValidator(_mx), _as({"minLength": 1})]
Redacted = Annotated[str, BeforeValidator(_redact), _as({"minLength": 2})]
Website = Annotated[str, BeforeValidator(_website), _as({"pattern": "^https?://"})]
ListId = Annotated[str, BeforeValidator(_list_id), _as({"minLength": 1})]
PlatformAccount = Annotated[str, BeforeValidator(_account), _as({"pattern": r"^[^:\s]+:\S+$"})]
Domain = Annotated[str, BeforeValidator(_domain), _as({"minLength": 1})]
Address = Annotated[
    str,
    BeforeValidator(_matching(_ADDRESS, "an address such as `news@example.org`", lower=True)),
    _as({"pattern": _anchored(_ADDRESS)}),
]
AuthservId = Annotated[
    str,
    BeforeValidator(
        _matching(
            _AUTHSERV_ID, "the first word of your receiver's Authentication-Results, such as `mx.example.org`"
        )
    ),
    _as({"minLength": 1}),
]
CredentialName = Annotated[
    str,
    BeforeValidator(
        _matching(_CREDENTIAL, "the name that LoadCredential= gives it: letters, digits and `._@:+-`")
    ),
    _as({"pattern": r"^[A-Za-z0-9_.@:+-]{1,255}$"}),
]
Variable = Annotated[
    str,
    BeforeValidator(
        _matching(
            _VARIABLE, "the name of an environment variable (A-Z, 0-9 and `_`), not the password itself"
        )
    ),
    _as({"pattern": _anchored(_VARIABLE)}),
]


def is_loopback(host: str) -> bool:
    """Whether a connection to `host` stays on this machine (RFC 6761, section 6.3; no name is resolved)."""
    if host.rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def slugified(name: str) -> str:
    """Make a slug from a name; empty when the name has no letter or digit of ASCII in it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:64].strip("-")
