"""Which network addresses are public, so that no address that somebody names leads to a private host.

Knows: the special ranges of IPv4 and IPv6. Must not know: names, sockets, who is asked.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: what an IPv6-only network uses to reach an IPv4 address, which is the last 32 bits."""
_RELAY = IPv4Network("192.88.99.0/24")
"""RFC 7526: led into IPv6 once, through whoever said that he was the nearest one."""
_EXAMPLES = IPv6Network("3fff::/20")
"""RFC 9637: for documentation; the standard library learned it later than Python 3.11."""
_CLOUD_METADATA = frozenset({IPv4Address("168.63.129.16")})
"""A host of the cloud's own behind an address that counts as public (Azure); the others' are link-local or private."""


def is_public(text: str) -> bool:
    """Say whether an address, as the resolver gives it, belongs to the public internet; False if it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        return _is_public_6(address)
    return _is_public_4(address)


def _is_public_4(address: IPv4Address) -> bool:
    special = address.is_multicast or address.is_reserved or address in _CLOUD_METADATA or address in _RELAY
    return address.is_global and not special


def _is_public_6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    inside = _embedded(address)
    if inside is not None:
        return _is_public_4(inside)
    # Everything outside of 2000::/3 is special or not given out (RFC 4291, section 2.4).
    special = address.is_multicast or address in _EXAMPLES
    return address.is_global and not special and int(address) >> 125 == 1


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that is really reached, where there is one."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
