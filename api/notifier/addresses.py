"""Which addresses a notification may be sent to: public ones, and the networks that its webhook names. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC: Final = (
    ip_network("168.63.129.16/32"),  # Azure's own services, among them its metadata
    ip_network("192.0.0.0/24"),  # of the IETF; Oracle's metadata
)
_CARRIES_IPV4: Final = (ip_network("64:ff9b::/96"), ip_network("::/96"))
"""NAT64 and IPv4-compatible addresses: the last 32 bits say who answers."""


def may_reach(address: str, allowed: Iterable[Network]) -> bool:
    """Return whether the address is public, or in one of the allowed networks."""
    parsed = _plain(ip_address(address))
    return _is_public(parsed) or any(parsed in network for network in allowed)


def network_of(address: str) -> str:
    """Return the smallest network with the address, as a webhook names it."""
    return str(ip_network(_plain(ip_address(address.partition("%")[0]))))


def _plain(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _is_public(address: Address) -> bool:
    carried = _carried(address)
    if carried is not None:
        return _is_public(carried)
    return address.is_global and not address.is_multicast and not any(address in network for network in _NOT_PUBLIC)


def _carried(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that a gateway between the protocols makes of it."""
    if isinstance(address, IPv4Address):
        return None
    if any(address in network for network in _CARRIES_IPV4):
        return IPv4Address(address.packed[-4:])
    return address.sixtofour
