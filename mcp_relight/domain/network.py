"""How this machine reaches the world: the proxy and the certificates its owner set."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import proxy_bypass_environment


@dataclass(frozen=True, slots=True)
class Network:
    """What HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE say; nothing where nothing is set.

    `proxies` is as `urllib.request.getproxies_environment` reads them, NO_PROXY under "no". An
    address may hold a password, so it is not shown.
    """

    proxies: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    certificates: Path | None = None
    """A file of the authorities to trust in the place of the system's own."""

    @property
    def proxy(self) -> str | None:
        """For https alone: over plain http, a proxy would read the key."""
        return self.proxies.get("https") or self.proxies.get("all")

    def proxy_for(self, host: str) -> str | None:
        """`host` with its port, if it is a special one. NO_PROXY names hosts, domains, or `*`."""
        if self.proxy is None or proxy_bypass_environment(host, dict(self.proxies)):
            return None
        return self.proxy


DIRECT = Network()
_LONGEST_CHAIN = 10


def is_about_certificates(error: BaseException | None) -> bool:
    """Whether an error of a connection comes from a certificate that is not trusted."""
    for _ in range(_LONGEST_CHAIN):
        if error is None or isinstance(error, ssl.SSLCertVerificationError):
            return error is not None
        error = error.__cause__ or error.__context__
    return False
