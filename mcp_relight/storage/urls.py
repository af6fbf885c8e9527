"""Which URLs may be fetched or handed to a provider, judged by their text alone.

The text is taken apart by one strict grammar, and the parts, not the text, go on to the network:
nothing downstream can read the same URL differently. What the host's name resolves to is judged
later, at the connection (`fetch`).
"""

import re
import string
import unicodedata
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, urljoin

import idna

from mcp_relight.errors import UrlRefused
from mcp_relight.storage.addresses import is_metadata, is_public

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
