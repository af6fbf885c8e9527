"""Which URLs may be fetched or handed to a provider, judged by their text alone.

The text is taken apart by one strict grammar, and the parts, not the text, go on to the network:
nothing downstream can read the same URL differently. What the host's name resolves to is judged
later, at the connection (`fetch`), by the rules for addresses below.

These are a table of our own, because `ipaddress.is_private` and `is_global` change between Python
releases and an address guard must not change with them.

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

import re
import string
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import quote, urljoin

import idna

from mcp_relight.errors import UrlRefused

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


PORTS = (80, 443)
MAX_URL_CHARS = 8192

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SHAPE = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::([1-9][0-9]{0,4}))?", re.IGNORECASE)
_HAS_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Names that never belong to the public internet: RFC 6761, RFC 6762, RFC 8375, ICANN 2024-07-29.
_LOCAL_SUFFIXES = (".localhost", ".local", ".home.arpa", ".internal")
# Separators, controls, soft hyphens, zero-width and unassigned characters: readers of URLs
# disagree about every one of them.
_UNSAFE_CATEGORIES = ("C", "Z")


@dataclass(frozen=True)
class HttpUrl:
    """A URL in parts, as a connection uses it.

    `host` is ASCII and lower case, an IPv6 address without brackets; `target` is path and query,
    percent-encoded; a fragment is gone.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_and_port(self) -> str:
        return f"{self._bracketed_host}:{self.port}"

    @property
    def authority(self) -> str:
        """What stands in the Host header."""
        if self.port == _DEFAULT_PORTS[self.scheme]:
            return self._bracketed_host
        return self.host_and_port

    @property
    def _bracketed_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def join(self, location: str) -> "HttpUrl":
        """Where a redirect from here leads. Raises UrlRefused for text that is not a plain URL."""
        _refuse_unsafe_characters(location)
        if _HAS_SCHEME.match(location):
            return parse_url(location)
        try:
            joined = urljoin(f"{self.scheme}://{self.authority}{self.target}", location)
        except ValueError:  # it names a host that cannot be one, `//[`
            raise _malformed_host() from None
        return parse_url(joined)


@dataclass(frozen=True)
class UrlPolicy:
    """The rules on URLs.

    `allow_private_hosts` names `host:port` pairs that count as public for every rule, plain http
    and unusual ports included. The metadata addresses of clouds stay refused even there.
    """

    allow_private_hosts: frozenset[str] = frozenset()

    def check(self, url: str, *, accept_http: bool = True) -> HttpUrl:
        """Take `url` apart, or raise UrlRefused."""
        parsed = parse_url(url)
        self.check_parsed(parsed, accept_http=accept_http)
        return parsed

    def check_parsed(self, url: HttpUrl, *, accept_http: bool) -> None:
        """Raise UrlRefused unless the parts are within the rules."""
        ip = literal_address(url.host)
        if ip is not None:
            self.check_address(ip, url.host_and_port)
        if url.host_and_port in self.allow_private_hosts:
            return
        if url.scheme == "http" and not accept_http:
            raise UrlRefused("Only https URLs are accepted here.", hint="Use the https address.")
        if url.port not in PORTS:
            raise UrlRefused(
                "Only ports 80 and 443 are accepted in a URL.",
                hint="An operator can name a host in MCP_RELIGHT_ALLOW_PRIVATE_HOSTS.",
            )
        name = "." + url.host.removesuffix(".")
        if name.endswith(_LOCAL_SUFFIXES):
            raise _not_public()

    def check_address(self, ip: IPv4Address | IPv6Address, host_and_port: str) -> None:
        """Raise UrlRefused unless a connection to `host_and_port` may use the address `ip`."""
        if is_metadata(ip):
            raise _not_public()
        if host_and_port not in self.allow_private_hosts and not is_public(ip):
            raise _not_public()


def parse_url(text: str) -> HttpUrl:
    """Take an absolute http or https URL apart. Raises UrlRefused for any other text."""
    if len(text) > MAX_URL_CHARS:
        raise UrlRefused(f"A URL may have at most {MAX_URL_CHARS:,} characters.")
    _refuse_unsafe_characters(text)
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise UrlRefused(
            "Only absolute http and https URLs are accepted.",
            hint="Give the whole address of the picture, starting with https://.",
        )
    scheme, authority, path, query = shape.groups(default="")
    scheme = scheme.lower()
    host, port = _split_authority(authority)
    return HttpUrl(
        scheme=scheme,
        host=host,
        port=port or _DEFAULT_PORTS[scheme],
        # Everything ASCII stays as written: signed links break when it is encoded anew.
        target=quote((path or "/") + query, safe=string.punctuation),
    )


def literal_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address a host spells out, or None for a name."""
    try:
        return IPv6Address(host) if ":" in host else IPv4Address(host)
    except AddressValueError:
        return None


def _refuse_unsafe_characters(text: str) -> None:
    if "\\" in text or any(unicodedata.category(char)[0] in _UNSAFE_CATEGORIES for char in text):
        raise UrlRefused(
            "A URL may not contain spaces, backslashes or invisible characters.",
            hint="Percent-encode them, or copy the address again.",
        )


def _split_authority(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise UrlRefused(
            "A URL may not contain a user name or password.",
            hint="Save the picture to a folder and give its path.",
        )
    matched = _AUTHORITY.fullmatch(authority)
    if matched is None:
        raise _malformed_host()
    host, port = matched.groups()
    return _clean_host(host.lower()), int(port) if port else None


def _clean_host(host: str) -> str:
    if host.startswith("["):
        address = literal_address(host[1:-1])
        if address is None:
            raise _malformed_host()
        return str(address)
    name = host if host.isascii() else _punycode(host)
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _malformed_host()
    # A last label that is a number makes the whole host an IPv4 address for C libraries and
    # browsers (WHATWG URL, "ends in a number"), in octal, hexadecimal or with parts left out.
    # Only the plain spelling is accepted.
    if _NUMBER.fullmatch(labels[-1]) and literal_address(name) is None:
        raise _malformed_host()
    return name


def _punycode(host: str) -> str:
    # Strict IDNA 2008: no compatibility mapping, so circled or full-width digits are refused
    # rather than turned into an address.
    try:
        return idna.encode(host).decode("ascii")
    except idna.IDNAError:
        raise _malformed_host() from None


def _malformed_host() -> UrlRefused:
    return UrlRefused(
        "The URL's host is not a plain name or address.",
        hint="Use a host name, or an address in its usual spelling.",
    )


def _not_public() -> UrlRefused:
    return UrlRefused(
        "The URL does not lead to the public internet.",
        hint="Use a public address, or give a local picture by its path.",
    )
