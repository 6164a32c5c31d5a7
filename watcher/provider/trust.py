"""Where our own receiver's words end and the sender's begin.

Everything in a header block may have been written by the sender, except what our own servers put on top. The
inbox says which servers those are; by default none, and then nothing counts as seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING

from watcher.provider.arc import newest_seal, vouched
from watcher.provider.authentication import Authenticated, Results, checks, parse
from watcher.provider.received import Hop, hop, is_internal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watcher.message import Headers
    from watcher.record import Authentication

NO_ID = "-"
"""The setting for a receiver that writes Authentication-Results without an id, as Exchange Online does."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Our own receiving servers, from the inbox's settings; empty means that nothing is trusted.

    `authserv_id`: the name that our receiver puts first in its Authentication-Results; `-` when it puts none,
    which counts only together with `mx`. `mx`: the host names after `by` in our own Received lines, `*` for
    any part: all of them, from the server that takes mail off the Internet to the one that fills the mailbox.
    `sealers`: the domains with which forwarders of ours sign their ARC-Seal, lower case.
    """

    authserv_id: str = ""
    mx: tuple[str, ...] = ()
    sealers: tuple[str, ...] = ()

    def owns(self, host: str) -> bool:
        """Whether the host is one of ours."""
        return bool(host and self.mx) and _hosts(self.mx).fullmatch(host) is not None


@lru_cache(maxsize=128)
def _hosts(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern.lower()) for pattern in patterns))


@dataclass(frozen=True, slots=True)
class Trail:
    """The way of a mail: what our servers saw, and what lies below that and is only told."""

    outside: tuple[Hop, ...]  # from the handover to our edge downwards; all of them where nothing is trusted
    edge: Hop | None = None  # the handover from the Internet to a server of ours
    seen_name: str = ""  # rDNS of the host at the edge, as our own server saw it
    authenticated: Authenticated | None = None  # our receiver's results; None when it said nothing
    sealed: Authenticated | None = (
        None  # those of a forwarder of ours, sealed, where our receiver confirms it
    )
    results: tuple[Authentication, ...] = ()  # our receiver's, one by one


def follow(headers: Headers, receiver: Receiver, is_sending_host: Callable[[str], bool]) -> Trail:
    """Walk down from the newest Received line to the edge, and read our receiver's results above it.

    `is_sending_host` knows hosts that only ever send, like a large service's outbound relays: where our
    receiver is that same service, they are the edge and not a server of ours.
    """
    if not (receiver.authserv_id or receiver.mx):
        return Trail(outside=tuple(hop(0, value) for value in headers.all("Received")))
    hops: list[Hop] = []
    results: list[tuple[int, Results]] = []
    for position, each in enumerate(headers.fields):
        name = each.name.lower()
        if name == "received":
            hops.append(hop(position, each.value))
        elif name == "authentication-results" and receiver.authserv_id:
            results.append((position, parse(each.value)))
    walk = _walk(hops, receiver, is_sending_host)
    own = _own(results, receiver, hops, walk)
    trail = Trail(
        outside=tuple(hops[walk.inside :]),
        edge=walk.edge,
        seen_name=walk.edge.rdns if walk.edge is not None and walk.named else "",
    )
    return _with_results(trail, own, headers, receiver.sealers) if own else trail


def _with_results(
    trail: Trail, own: Sequence[tuple[int, Results]], headers: Headers, sealers: tuple[str, ...]
) -> Trail:
    said = [one for _, one in own]
    authenticated = Authenticated.by(said)
    seal = newest_seal(headers, own[0][0]) if "arc" in authenticated.outcomes else None
    return replace(
        trail,
        authenticated=authenticated,
        sealed=vouched(seal, authenticated, sealers),
        results=tuple(checks(said, seal.sealer if seal is not None else "")),
    )


@dataclass(frozen=True, slots=True)
class _Walk:
    inside: int = 0  # how many lines, from the top, tell of handovers among our own servers
    edge: Hop | None = None
    at_own: bool = False  # one of these lines names a server of ours
    named: bool = True  # each of our servers down to the edge was recognised by more than its HELO


def _walk(hops: Sequence[Hop], receiver: Receiver, is_sending_host: Callable[[str], bool]) -> _Walk:
    if not receiver.mx:
        return _Walk()
    named, local, at_own = True, False, False
    for index, each in enumerate(hops):
        if receiver.owns(each.by):
            at_own = True
        elif not (_stays_inside(each) or (local and each.by.startswith("localhost"))):
            return _Walk(index, None, at_own, named) if at_own else _Walk()
        if not each.peer:
            continue
        ours = any(map(receiver.owns, each.names)) and not any(map(is_sending_host, each.names))
        local = each.lmtp or each.rdns.startswith("localhost") or is_internal(each.address)
        if local and (ours or _has_local_name(each)):
            continue
        if not ours:
            return _Walk(index, each, at_own, named) if at_own else _Walk()
        # Exchange names its own machines by HELO alone: good enough to walk on, but nothing below is seen.
        named = named and receiver.owns(each.rdns)
    return _Walk(len(hops), None, at_own, named) if at_own else _Walk()


def _stays_inside(each: Hop) -> bool:
    """Whether a service only passed the mail on among machines without a public name, as Gmail notes it."""
    return not each.peer and is_internal(each.by)


def _has_local_name(each: Hop) -> bool:
    return each.lmtp or any(name.startswith("localhost") for name in each.names)


def _own(
    results: Sequence[tuple[int, Results]], receiver: Receiver, hops: Sequence[Hop], walk: _Walk
) -> list[tuple[int, Results]]:
    """Our receiver's own results: the topmost with its id, and whatever else it wrote above its own Received.

    A field below the first foreign Received line was there before the mail reached us, whatever id it bears.
    """
    if (receiver.mx and not walk.at_own) or (receiver.authserv_id == NO_ID and not receiver.mx):
        return []
    wanted = "" if receiver.authserv_id == NO_ID else receiver.authserv_id.lower()
    foreign = hops[walk.inside + (walk.edge is not None) :] if walk.at_own else ()
    own = [
        (position, one)
        for position, one in results
        if one.authserv_id == wanted and (not foreign or position < foreign[0].position)
    ]
    edge = walk.edge.position if walk.edge is not None and walk.named else -1
    return [each for rank, each in enumerate(own) if rank == 0 or each[0] < edge]
