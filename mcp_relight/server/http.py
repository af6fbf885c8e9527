"""Serving streamable HTTP on this machine, for one person: the plain form, without accounts."""

import ipaddress

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from mcp_relight.errors import InvalidArgument

from .resources import RelightServer

_GRACE_S = 5


async def serve_http(server: RelightServer, host: str, port: int) -> None:
    """Runs until a signal. Raises InvalidArgument for an address other machines could reach."""
    _check_loopback(host)
    app = server.streamable_http_app(transport_security=_only(host, port))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    await uvicorn.Server(config).serve()


def _only(host: str, port: int) -> TransportSecuritySettings:
    """Requests must name this server; pages of other sites may not call it."""
    names = [host, "localhost", "127.0.0.1"]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{name}:{port}" for name in names],
        allowed_origins=[f"http://{name}:{port}" for name in names],
    )


def _check_loopback(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise InvalidArgument(
            "--host must be an address of this machine alone: this form has no accounts.",
            hint="Use 127.0.0.1.",
        )
