"""Which addresses a notification may be sent to: public ones, and the networks that its webhook names. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC: Final = tuple(
    ip_network(network)
    for network in (
        # IANA's registry of IPv4 special-purpose addresses, and multicast
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3",
        "168.63.129.16/32",  # Azure's own services, among them its metadata
        # IANA's registry of IPv6 special-purpose addresses, as far as they lie in 2000::/3
        "2001::/23", "2001:db8::/32", "3fff::/20",
    )
)  # fmt: skip
"""Listed here, as `ipaddress` knows what was registered when its Python was released."""
_GLOBAL_UNICAST: Final = ip_network("2000::/3")
"""All that IANA gives out of IPv6; site-local, translated, compatible and segment-routing addresses lie outside."""
_NAT64: Final = ip_network("64:ff9b::/96")


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
    if isinstance(address, IPv6Address):
        carried = _carried(address)
        if carried is not None:
            return _is_public(carried)
        if address not in _GLOBAL_UNICAST:
            return False
    return address.is_global and not any(address in network for network in _NOT_PUBLIC)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that a gateway between the protocols makes of it.

    Teredo and the local NAT64 (64:ff9b:1::/48, RFC 8215) carry one too; these are refused whatever it is.
    """
    return IPv4Address(address.packed[-4:]) if address in _NAT64 else address.sixtofour
