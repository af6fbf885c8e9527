"""Serving streamable HTTP on this machine, for one person: the plain form, without accounts."""

import ipaddress
import socket
import sys

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from mcp_relight.errors import InvalidArgument

from .relight_server import RelightServer

PATH = "/mcp"
MAX_BODY_BYTES = 8 * 1024 * 1024
"""Above the longest argument a tool takes, a photo as a `data:` address."""

_BACKLOG = 128
_GRACE_S = 5
"""What open calls get after a signal. Listen streams never end by themselves."""


async def serve_http(server: RelightServer, host: str, port: int) -> None:
    """Runs until a signal; says on stderr where. Port 0 takes a free one.

    Raises InvalidArgument for an address other machines could reach, or a port that is taken.
    """
    _check_loopback(host)
    with _listening(host, port) as listener:
        bound = listener.getsockname()[1]
        app = server.streamable_http_app(
            streamable_http_path=PATH,
            max_request_body_size=MAX_BODY_BYTES,
            transport_security=_only(host, bound),
        )
        config = uvicorn.Config(
            app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_S
        )
        sys.stderr.write(f"mcp-relight serves http://{_spelled(host)}:{bound}{PATH}\n")
        sys.stderr.flush()
        await uvicorn.Server(config).serve(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError):
        raise InvalidArgument(
            "--port cannot be used on that host.", hint="Choose another, or 0 for a free one."
        ) from None


def _only(host: str, port: int) -> TransportSecuritySettings:
    """Requests must name this server; pages of other sites may not call it."""
    names = dict.fromkeys([_spelled(host), "localhost", "127.0.0.1"])
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{name}:{port}" for name in names],
        allowed_origins=[f"http://{name}:{port}" for name in names],
    )


def _spelled(host: str) -> str:
    return f"[{host}]" if ":" in host else host


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
