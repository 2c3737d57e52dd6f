"""Which addresses count as public."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.addresses import is_public

NAT64 = IPv6Network("64:ff9b::/96")


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1", "::ffff:1.1.1.1"],
)
def test_public_addresses_are_public(address: str) -> None:
    """Hosts of the internet may be asked, also through an IPv6-only network's translation."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.31.0.1", "192.168.0.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.170", "192.0.2.1", "198.18.0.1", "203.0.113.9",
        "192.88.99.1", "224.0.0.251", "233.252.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::",
        "2001::1", "2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2606:4700::1%1", "fec0::1",
        "ff02::1", "ff0e::1", "4000::1", "100::1",
        "", "localhost", "2130706433", "127.1", "0x7f.1", "1.1.1.1.", " 1.1.1.1", "1.1.1.1/32",
    ],
)  # fmt: skip
def test_every_special_range_is_not(address: str) -> None:
    """Private, loopback, link-local, metadata, multicast, documentation, reserved, embedded: none may be asked."""
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_embedded_address_counts_as_itself(address: IPv4Address) -> None:
    """Mapped or translated into IPv6, an address is as public as it is."""
    assert is_public(f"::ffff:{address}") == is_public(str(address)) == is_public(f"64:ff9b::{address}")


@given(st.ip_addresses(v=6))
def test_only_global_unicast_is_public(address: IPv6Address) -> None:
    """Outside of 2000::/3 only what embeds a public IPv4 address is public."""
    embeds = address.ipv4_mapped is not None or address in NAT64
    assert not is_public(str(address)) or int(address) >> 125 == 1 or embeds


@given(st.text())
def test_no_text_raises(text: str) -> None:
    """What is no address is not public."""
    assert is_public(text) in {True, False}
