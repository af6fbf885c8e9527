"""Which names this server answers to, and which web pages may call it."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from .refused import Refused

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Names:
    """Without such a list any web page could reach a server of this machine under a name of its
    own. Checked on every address, whoever listens where."""

    hosts: frozenset[str]
    origins: frozenset[str]

    def check(self, host: str | None, origin: str | None) -> None:
        """Raises Refused. A request that no page sent has no origin."""
        if host is None or host.lower() not in self.hosts:
            raise Refused(421, "invalid_host", "This server does not answer to that name.")
        if origin is not None and origin.lower() not in self.origins:
            raise Refused(403, "invalid_origin", "Pages of that site may not call this server.")


def names(
    *,
    bound: tuple[str, int],
    public_url: str | None = None,
    hosts: Iterable[str] = (),
    origins: Iterable[str] = (),
) -> Names:
    """The names of the machine itself at the bound address, the public one, and what was added."""
    host, port = bound
    local = [f"{name}:{port}" for name in {spelled(host), "localhost", "127.0.0.1"}]
    own = [urlsplit(public_url)] if public_url else []
    public = [one.netloc.lower() for one in own]
    # Clients may leave the port of the scheme out, or not.
    public += [f"{one.hostname}:{_DEFAULT_PORTS[one.scheme]}" for one in own if one.port is None]
    return Names(
        hosts=frozenset([*local, *public, *(one.lower() for one in hosts)]),
        origins=frozenset(
            [
                *(f"http://{name}" for name in local),
                *(f"{one.scheme}://{one.netloc.lower()}" for one in own),
                *(one.lower() for one in origins),
            ]
        ),
    )


def spelled(host: str) -> str:
    """As it stands in an address."""
    return f"[{host}]" if ":" in host else host
