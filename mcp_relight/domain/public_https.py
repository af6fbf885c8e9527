"""Addresses that callers hand on to a provider: only such as anybody may fetch."""

import ipaddress
from urllib.parse import urlsplit


def public_https(address: str) -> str:
    """The address. Raises ValueError for one that is not https, has credentials or another port,
    or names a machine instead of a public host."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("must be a public https address") from None
    is_named = "." in host and not _is_ip(host) and not host.endswith((".local", ".internal"))
    is_plain = parts.username is None and port in {None, 443} and address.isprintable()
    if parts.scheme != "https" or not is_named or not is_plain:
        raise ValueError("must be a public https address")
    return address


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.replace(".", "").isdecimal()
    return True
