"""The client as it is registered with a provider, and where that provider is asked (RFC 6749, section 3)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Flow(StrEnum):
    """How a person signs in."""

    DEVICE = "device"  # types a code in on any device (RFC 8628)
    LOOPBACK = "loopback"  # the browser comes back to a port of this machine (RFC 8252, section 7.3)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is asked, and for what. An empty endpoint: the provider has none."""

    token: str
    authorization: str
    device: str
    scope: str  # space-separated (RFC 6749, section 3.3)
    flow: Flow = Flow.LOOPBACK  # unless another is asked for
    redirect_host: str = "127.0.0.1"  # the name of this machine in the loopback redirect
    parameters: tuple[tuple[str, str], ...] = ()  # further ones of the authorization request


@dataclass(frozen=True, slots=True)
class Client:
    """One registration. `secret` is called for each request; it returns nothing for a public client."""

    client_id: str
    secret: Callable[[], str]
    endpoints: Endpoints


def known_endpoints(provider: str, tenant: str = "") -> Endpoints:
    """Return what is known of `google` or `microsoft`. Raises `KeyError` for any other.

    `tenant` is Microsoft's: an organization's domain or id, or `common` (the default), `organizations` or
    `consumers`.
    """
    facts = {
        fact: value.replace("{tenant}", tenant or "common") for fact, value in _facts()[provider].items()
    }
    return Endpoints(
        token=facts["token_endpoint"],
        authorization=facts["authorization_endpoint"],
        device=facts["device_endpoint"],
        scope=facts["scope"],
        flow=Flow(facts["flow"]),
        redirect_host=facts["redirect_host"],
        parameters=tuple(parse_qsl(facts["authorization_parameters"])),
    )


@cache
def _facts() -> Mapping[str, Mapping[str, str]]:
    facts: dict[str, dict[str, str]] = {}
    with files("watcher.oauth").joinpath("providers.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            facts.setdefault(row["provider"], {})[row["fact"]] = row["value"]
    return facts
