"""The device flow (RFC 8628): a code is shown, typed in on any device, and asked about meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from watcher.oauth.errors import ClientRefused, EndpointBusy, EndpointUnreachable, SignInNeeded
from watcher.oauth.grants import Refused, ask, redeem_device_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from watcher.oauth.client import Client
    from watcher.oauth.token import Token

_INTERVAL = 5.0  # seconds between two questions unless told otherwise (RFC 8628, section 3.2)
_SLOWER = 5.0  # more of them after `slow_down` (section 3.5)
_LONGEST = 3600.0
_SCHEMES = ("https://", "http://127.0.0.1", "http://localhost")


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What to show: open `address` and type `user_code` in, within `expires_in` seconds."""

    address: str
    user_code: str
    device_code: str = field(repr=False)
    expires_in: float
    interval: float


def start(client: Client) -> DeviceCode:
    """Ask for a code. Raises any `OAuthError` but `TokenFileError`."""
    if not client.endpoints.device:
        raise ClientRefused("this provider has no device flow")
    form = {"client_id": client.client_id, "scope": client.endpoints.scope}
    try:
        values = ask(client.endpoints.device, urlencode(form))
    except Refused as refused:
        raise refused.meaning() from None
    try:
        address = str(values.get("verification_uri") or values["verification_url"])  # the latter is Google's
        code = DeviceCode(
            address=address,
            user_code=str(values["user_code"]),
            device_code=str(values["device_code"]),
            expires_in=min(float(values["expires_in"]), _LONGEST),
            interval=min(max(float(values.get("interval") or _INTERVAL), 0.0), 60.0),
        )
    except (KeyError, TypeError, ValueError):
        raise EndpointBusy("the provider's answer holds no usable device code") from None
    if not address.startswith(_SCHEMES) or not address.isascii() or not address.isprintable():
        raise EndpointBusy("the provider's answer names no usable address to sign in at")
    return code


def wait(
    client: Client,
    code: DeviceCode,
    *,
    clock: Callable[[], float] = time.time,
    pause: Callable[[float], None] = time.sleep,
) -> Token:
    """Return the token once the person has signed in.

    Raises `SignInNeeded` when that was refused or did not happen in time, and otherwise like `start`.
    """
    interval, waited = code.interval, 0.0
    while waited < code.expires_in:
        pause(interval)
        waited += interval or 1.0
        try:
            return redeem_device_code(client, code.device_code, clock())
        except Refused as refused:
            if refused.error == "slow_down":
                interval += _SLOWER
            elif refused.error != "authorization_pending":
                raise refused.meaning() from None
        except (EndpointUnreachable, EndpointBusy):
            interval = min(2 * (interval or 1.0), 60.0)  # RFC 8628, section 3.5: not at the same pace
    raise SignInNeeded("nobody has signed in within the time that the provider gives")
