"""The shape of what inboxes.yaml says about being seen from outside: metrics, heartbeat, backup.

All of it is off until someone writes it. The heartbeat with `url` is the one setting here that makes the
program open a connection beyond this machine.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator

from watcher.settings import fields
from watcher.settings.fields import invalid
from watcher.settings.model import Model

_KEPT = (1, 1000)


def _listen(value: object) -> str:
    """Take a loopback address and a port: what it serves is for this machine alone."""
    written = fields.text(value)
    host, _, port = written.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not bare or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise invalid("must be an address and a port, such as `127.0.0.1:9464`")
    if not fields.is_loopback(bare):
        raise invalid(
            "must be an address of this machine alone, such as `127.0.0.1:9464` or `[::1]:9464`; "
            "to read it from elsewhere put a proxy with a password before it"
        )
    return written


def _url(value: object) -> str:
    written = fields.text(value)
    scheme, _, rest = written.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    bare = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if scheme not in {"https", "http"} or not bare or any(char.isspace() for char in written):
        raise invalid("must be an address such as `https://monitor.example.org/ping/archive`")
    if scheme == "http" and not fields.is_loopback(bare):
        raise invalid("must begin with `https://`: only on this machine may it go unprotected")
    return written


def _keep(value: object) -> int:
    written = fields.text(str(value) if isinstance(value, int) else value)
    if not written.isdecimal() or not _KEPT[0] <= int(written) <= _KEPT[1]:
        raise invalid(f"must be a number between {_KEPT[0]} and {_KEPT[1]}")
    return int(written)


Listen = Annotated[
    str, BeforeValidator(_listen), WithJsonSchema({"type": "string", "pattern": r"^\S+:[0-9]{1,5}$"})
]
_Url = Annotated[str, BeforeValidator(_url), WithJsonSchema({"type": "string", "pattern": "^https?://"})]
_Keep = Annotated[
    int,
    BeforeValidator(_keep),
    WithJsonSchema({"type": "integer", "minimum": _KEPT[0], "maximum": _KEPT[1]}),
]


class Heartbeat(Model):
    """A sign of life after a good round."""

    private = frozenset({"command", "url"})

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    command: tuple[fields.Text, ...] | None = Field(
        None,
        description="Program and arguments, run after a good round for 10 seconds at most. No shell.",
        examples=[["/usr/local/bin/tell-the-monitor", "archive is well"]],
        json_schema_extra={"minItems": 1},
    )
    url: _Url | None = Field(
        None,
        validate_default=True,
        description="Address that is requested after a good round. This is a connection beyond your mail "
        "server, which you turn on here: whoever runs that address learns that the watcher works, and when.",
        examples=["https://monitor.example.org/ping/archive"],
    )

    @field_validator("command", mode="before")
    @classmethod
    def _list_of_arguments(cls, value: object) -> object:
        if not isinstance(value, list) or not value:
            raise invalid("must be a list of the program and its arguments; there is no shell")
        return value

    @field_validator("url")
    @classmethod
    def _one_sign(cls, url: str | None, info: ValidationInfo) -> str | None:
        if "command" in info.data and (url is None) is (info.data["command"] is None):
            raise invalid("must be exactly one of `command` and `url`", at="command")
        return url


class Backup(Model):
    """A copy of the databases, made every night."""

    directory: fields.Text = Field(
        description="Folder for the copies, best on another disk. A relative path begins where those of "
        "`store` do.",
        examples=["/var/backups/watcher"],
    )
    keep: _Keep = Field(7, description="How many copies stay; older ones are deleted.", examples=[7])
    media: fields.Boolean = Field(
        True,
        validate_default=True,
        description="With media.db, where there is one. Screenshots take some 80 kB a newsletter in each "
        "copy, and can be drawn again; pictures that `images: fetch` kept cannot be had again.",
        examples=[False],
    )
