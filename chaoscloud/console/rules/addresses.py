"""Which addresses the console calls when somebody else says whom to call.

Whoever may set up a webhook could otherwise reach through the console what only its machine may
reach: its own services, its neighbours, the cloud's metadata.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The only IPv6 addresses that IANA has given out to be routed (RFC 4291); what is special within
# them is known to `ipaddress`, but for the documentation range of RFC 9637.
_ROUTED = IPv6Network("2000::/3")
_DOCUMENTATION = IPv6Network("3fff::/20")

# Prefixes whose last 32 bits are the IPv4 address that a gateway calls (RFC 6052, RFC 8215).
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


def may_call(address: str, allowed: Iterable[Network] = ()) -> bool:
    """Whether an address is public, or in a network that the operator allows."""
    target = _find_target(ip_address(address.partition("%")[0]))
    if any(target in network for network in allowed if network.version == target.version):
        return True
    if isinstance(target, IPv6Address) and (target not in _ROUTED or target in _DOCUMENTATION):
        return False
    return target.is_global and not target.is_multicast


def is_address(host: str) -> bool:
    """Whether a host is an address rather than a name."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _find_target(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one that only leads to it."""
    if not isinstance(address, IPv6Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    if inner is None and any(address in prefix for prefix in _NAT64):
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address
