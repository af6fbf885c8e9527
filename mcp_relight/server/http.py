"""Serving streamable HTTP: where it listens, and how it ends."""

import ipaddress
import logging
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import uvicorn

from mcp_relight.errors import InvalidArgument
from mcp_relight.loading import begin_serving

from .relight_server import RelightServer
from .web.app import MCP_PATH, web_app
from .web.guard import Door, Guard
from .web.health import Health
from .web.names import names, spelled
from .web.routes import WebRoute

_MAX_CONNECTIONS = 2000
_BACKLOG = _MAX_CONNECTIONS
"""Many may come at once: one too many for the queue of the system is cut off in its call."""
_KEPT_ALIVE_S = 75
"""Longer than clients (5 s) and balancers (60 s) keep a connection they do not use: else one is
closed here at the moment that they send on it, and their call is lost."""
_GRACE_S = 5
"""What open calls get after a signal. Listen streams never end by themselves."""
_NOTICE_S = 2.0
"""How long a balancer may still send requests after it could have seen that this process ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """How a server is reached, and by whom."""

    host: str
    port: int
    health: Health
    public_url: str | None = None
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    door: Door | None = None
    """Who may come in; without one it is the person at this machine."""
    routes: Sequence[WebRoute] = ()


def app_of(server: RelightServer, site: Site, port: int) -> Guard:
    """What answers at this port."""
    known = names(
        bound=(site.host, port),
        public_url=site.public_url,
        hosts=site.hosts,
        origins=site.origins,
    )
    return web_app(server, known, routes=[*site.health.routes(), *site.routes], door=site.door)


async def serve_http(server: RelightServer, site: Site) -> None:
    """Runs until a signal; says on stderr where. Port 0 takes a free one.

    Raises InvalidArgument for a port that is taken, and without a `door` for an address that other
    machines could reach.
    """
    if site.door is None:
        _check_loopback(site.host)
    with listening(site.host, site.port) as listener:
        bound = listener.getsockname()[1]
        config = uvicorn.Config(
            app_of(server, site, bound),
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_keep_alive=_KEPT_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
        )
        if site.door is not None:
            for name in ("mcp_relight.access", "mcp_relight.audit"):
                logging.getLogger(name).setLevel(logging.INFO)
        sys.stderr.write(f"mcp-relight serves http://{spelled(site.host)}:{bound}{MCP_PATH}\n")
        sys.stderr.flush()
        begin_serving()
        notice_s = 0.0 if site.door is None else _NOTICE_S
        ending = _Server(config, site.health, notice_s=notice_s, on_end=server.end_waits)
        await ending.serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Says first that it ends, and serves on for as long as a balancer needs to see it."""

    def __init__(
        self,
        config: uvicorn.Config,
        health: Health,
        *,
        notice_s: float,
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._on_end = on_end
        self._health = health
        self._notice_s = notice_s
        self._ends_at = 0.0

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for handler in logging.getLogger().handlers:
            handler.flush()  # the signal that ended the serving may end the process at once

    async def on_tick(self, counter: int) -> bool:
        is_over = await super().on_tick(counter)
        if is_over and not self._health.ends:
            self._health.ends = True
            self._ends_at = time.monotonic() + self._notice_s
            self._on_end()
        return is_over and (self.force_exit or time.monotonic() >= self._ends_at)


def listening(host: str, port: int) -> socket.socket:
    """Raises InvalidArgument where that address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        # Whoever is accepted has it too: head and body of an answer go out one after the other, and
        # else the body would wait until the client confirms the head, which it does after 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError):
        raise InvalidArgument(
            "--port cannot be used on that host.", hint="Choose another, or 0 for a free one."
        ) from None


def _check_loopback(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise InvalidArgument(
            "--host must be an address of this machine alone: there are no accounts.",
            hint="Use 127.0.0.1, or set MCP_RELIGHT_ACCOUNTS or MCP_RELIGHT_AUTH_ISSUER.",
        )
