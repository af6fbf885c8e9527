"""Addresses at both edges of every special block, and just outside it."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from mcp_relight.storage.urls import is_metadata, is_public

V4_BLOCKS = (
    ("0.0.0.0", "0.255.255.255"),  # noqa: S104  nothing listens here
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.31.196.0", "192.31.196.255"),
    ("192.52.193.0", "192.52.193.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("192.175.48.0", "192.175.48.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "255.255.255.255"),
)
V6_BLOCKS = (
    ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
)


@pytest.mark.parametrize(("first", "last"), V4_BLOCKS + V6_BLOCKS)
def test_a_special_block_is_not_public_from_its_first_to_its_last_address(
    first: str, last: str
) -> None:
    assert not is_public(ip_address(first))
    assert not is_public(ip_address(last))


@pytest.mark.parametrize(("first", "last"), V4_BLOCKS)
def test_the_neighbors_of_a_special_block_are_public(first: str, last: str) -> None:
    below, above = int(IPv4Address(first)) - 1, int(IPv4Address(last)) + 1
    for number in (below, above):
        if 0 <= number < 2**32:
            assert is_public(IPv4Address(number))


@pytest.mark.parametrize(
    "address",
    [
        "2000::",
        "2001:200::",
        "2001:db7::",
        "2001:db9::",
        "2003::",
        "2620:4f:7fff::1",
        "2620:4f:8001::1",
        "2a00:1450:4001::1",
        "3ffe:ffff::1",
        "3fff:1000::1",
    ],
)
def test_the_rest_of_unicast_ipv6_is_public(address: str) -> None:
    assert is_public(IPv6Address(address))


@pytest.mark.parametrize("interface", ["0:5efe", "200:5efe"])
def test_a_public_prefix_does_not_excuse_an_isatap_interface(interface: str) -> None:
    assert not is_public(IPv6Address(f"2a00:1450:4001:0:{interface}:808:808"))


def test_a_scope_id_makes_any_address_local() -> None:
    assert not is_public(IPv6Address("2a00:1450:4001::1%lo"))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.42.42",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:42::42",
        "fd00:c1::a9fe:a9fe",
        "fe80::a9fe:a9fe",
        "fe80::a9fe:a9fe%eth0",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2001:0:0:0:0:0:5601:5601",
        "2a00:1450::5efe:a9fe:a9fe",
        "2a00:1450::200:5efe:6464:64c8",
    ],
)
def test_a_metadata_service_is_recognized_in_every_spelling(address: str) -> None:
    ip = ip_address(address)
    assert is_metadata(ip)
    assert not is_public(ip)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "93.184.216.34"])
def test_an_ordinary_address_is_not_a_metadata_service(address: str) -> None:
    assert not is_metadata(ip_address(address))
