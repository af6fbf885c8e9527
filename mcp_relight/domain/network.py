"""How this machine reaches the world: the proxy and the certificates its owner set."""

import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

_LONGEST_CHAIN = 10


@dataclass(frozen=True, slots=True)
class Network:
    """What HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE say; nothing where nothing is set."""

    proxy: str | None = field(default=None, repr=False)
    """An address, perhaps with a password. For https alone: over http it would read the key."""
    spared: tuple[str, ...] = ()
    """What is reached without it, as NO_PROXY lists it: hosts (their subdomains too), hosts with a
    port, addresses, networks as 10.0.0.0/8, or `*`."""
    certificates: Path | None = None
    """A file of the authorities to trust in the place of the system's own."""

    def proxy_for(self, host: str, port: int) -> str | None:
        host = host.lower().rstrip(".")
        return None if any(_spares(entry, host, port) for entry in self.spared) else self.proxy


DIRECT = Network()


def is_about_certificates(error: BaseException | None) -> bool:
    """Whether an error of a connection comes from a certificate that is not trusted."""
    for _ in range(_LONGEST_CHAIN):
        if error is None or isinstance(error, ssl.SSLCertVerificationError):
            return error is not None
        error = error.__cause__ or error.__context__
    return False


def _spares(entry: str, host: str, port: int) -> bool:
    name = entry.strip().lower().removeprefix("*").strip(".")
    if entry.strip() == "*":
        return True
    bare = name.removesuffix(f":{port}").strip("[]")
    if bare and (host == bare or host.endswith("." + bare)):
        return True
    try:
        return ip_address(host) in ip_network(name, strict=False)
    except ValueError:
        return False
