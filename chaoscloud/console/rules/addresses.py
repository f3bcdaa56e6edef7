"""Which addresses the console calls when somebody else says whom to call.

Whoever may set up a webhook could otherwise reach through the console what only its machine may
reach: its own services, its neighbours, the cloud's metadata.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = ip_network("64:ff9b::/96")


def may_call(address: str, allowed: Iterable[Network] = ()) -> bool:
    """Whether an address is public, or in a network that the operator allows."""
    meant = _meant(ip_address(address.partition("%")[0]))
    if any(meant in network for network in allowed if network.version == meant.version):
        return True
    return meant.is_global and not meant.is_multicast


def is_address(host: str) -> bool:
    """Whether a host is an address rather than a name."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _meant(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only leads to it."""
    if not isinstance(address, IPv6Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    if inner is None and address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address
