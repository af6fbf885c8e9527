"""Which IP addresses belong to the public internet.

An own table, because `ipaddress.is_private` and `is_global` change between Python releases and an
address guard must not change with them.

Sources:

- IANA IPv4 Special-Purpose Address Registry (every block of it, the reachable ones included: none
  of them hosts pictures), plus 192.88.99.0/24 (RFC 7526, 6to4 relays), 224.0.0.0/4 (RFC 5771).
- IANA IPv6 Special-Purpose Address Registry, updated 2024-10-22, applied inside 2000::/3, the only
  block IANA assigns unicast addresses from; everything outside it is refused.
- RFC 5214: an ISATAP interface id carries an IPv4 address of a private network.
- Metadata services, from the clouds' own pages: AWS (169.254.169.254, fd00:ec2::/32, containers
  169.254.170.0/24), Google (fd20:ce::254), Azure (168.63.129.16, an address that looks public),
  Alibaba (100.100.100.200), Oracle (192.0.0.192, fd00:c1::a9fe:a9fe), OpenStack
  (fe80::a9fe:a9fe), Scaleway (169.254.42.42, fd00:42::42).
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_Networks = tuple[IPv4Network, ...] | tuple[IPv6Network, ...]

_V4_SPECIAL = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_V6_UNICAST = IPv6Network("2000::/3")
_V6_SPECIAL = tuple(
    IPv6Network(block)
    for block in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_ISATAP_INTERFACES = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")

_V4_METADATA = tuple(
    IPv4Network(block)
    for block in ("100.100.100.200/32", "168.63.129.16/32", "169.254.0.0/16", "192.0.0.192/32")
)
_V6_METADATA = tuple(
    IPv6Network(block)
    for block in (
        "fd00:42::42/128",
        "fd00:c1::a9fe:a9fe/128",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
        "fe80::a9fe:a9fe/128",
    )
)
_V4_IN_LOW_BITS = tuple(
    IPv6Network(block)
    for block in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
)


def is_public(ip: IPv4Address | IPv6Address) -> bool:
    """Whether a server on the public internet can have this address.

    An IPv6 address with a scope id never has: it names an interface of this machine.
    """
    if isinstance(ip, IPv4Address):
        return not _within(ip, _V4_SPECIAL)
    if ip.scope_id is not None or ip not in _V6_UNICAST or _within(ip, _V6_SPECIAL):
        return False
    return ip.packed[8:12] not in _ISATAP_INTERFACES


def is_metadata(ip: IPv4Address | IPv6Address) -> bool:
    """Whether a cloud serves credentials to its machines at this address.

    Such an address is refused even for hosts an operator has declared trustworthy, in each of its
    IPv6 spellings. All of 169.254.0.0/16 counts: clouds put further services there each year.
    """
    if isinstance(ip, IPv4Address):
        return _within(ip, _V4_METADATA)
    plain = IPv6Address(ip.packed)
    return _within(plain, _V6_METADATA) or any(
        _within(inner, _V4_METADATA) for inner in _carried_v4(plain)
    )


def _carried_v4(ip: IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses a translator or a tunnel could deliver this IPv6 address to."""
    if _within(ip, _V4_IN_LOW_BITS) or ip.packed[8:12] in _ISATAP_INTERFACES:
        yield IPv4Address(ip.packed[12:])
    if ip.sixtofour is not None:
        yield ip.sixtofour
    if ip.teredo is not None:
        yield from ip.teredo


def _within(ip: IPv4Address | IPv6Address, networks: _Networks) -> bool:
    return any(ip in network for network in networks)
