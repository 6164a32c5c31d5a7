"""Which addresses may be asked: those of the public internet, however they are written.

A sender chooses the name and what it resolves to. An address of the own network, of this machine or of a
cloud's metadata service behind it would make the fetcher the sender's hand in there.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052, section 2.1: an IPv4 address in the last 32 bits
_COMPATIBLE: Final = IPv6Network("::/96")  # RFC 4291, section 2.5.5.1, deprecated
# Public numbers that mean the machine's own host: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
_HOSTS_OWN: Final = frozenset({IPv4Address("168.63.129.16")})


def is_public(text: str) -> bool:
    """Whether an address, as `socket.getaddrinfo` gives it, is one of the public internet."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.scope_id is not None or address in _COMPATIBLE:
            return False
        inner = _inside(address)
        if inner is not None:
            return _is_public(inner)
    return _is_public(address)


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to; None where it is one by itself."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    return address.teredo[1] if address.teredo is not None else None


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and address not in _HOSTS_OWN
    )
