"""The web application: MCP at `/mcp`, and beside it what other modules add."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_relight.server.relight_server import RelightServer

from .guard import Door, Guard
from .names import Names
from .one_piece import AS_THE_CALL_IS, OnePiece
from .routes import Addresses, Routes, WebRoute

MCP_PATH = "/mcp"
MAX_BODY_BYTES = 8 * 1024 * 1024
"""Above the longest argument a tool takes, a photo as a `data:` address."""


def web_app(
    server: RelightServer,
    names: Names,
    *,
    routes: Routes = (),
    door: Door | None = None,
) -> Guard:
    """One guard before MCP and these routes. With a `door` each request stands alone, so that any
    of several such processes may answer it."""
    every = [_mcp_route(server, stands_alone=door is not None), *routes]
    addresses = Addresses(every)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with server.session_manager.run():
            yield

    app = Starlette(routes=[*addresses.routes], lifespan=lifespan)
    return Guard(_straight(every[0].endpoint, app), addresses, names=names, door=door)


def _straight(mcp: Any, app: ASGIApp) -> ASGIApp:
    """`app`, but MCP's own address without its layers, which would find again what the guard
    found and make an answer of what uvicorn makes one of."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        is_mcp = scope["type"] == "http" and scope["path"] == MCP_PATH
        await (mcp if is_mcp else app)(scope, receive, send)

    return served


def _mcp_route(server: RelightServer, *, stands_alone: bool) -> WebRoute:
    # Makes the session manager; its own app is left, for it has no guard.
    server.streamable_http_app(
        stateless_http=stands_alone,
        json_response=AS_THE_CALL_IS,
        max_request_body_size=MAX_BODY_BYTES,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return WebRoute(
        path=MCP_PATH,
        endpoint=OnePiece(StreamableHTTPASGIApp(server.session_manager)),
        # GET opens a stream of its own, on which nothing could come; DELETE ends what never began.
        methods=("POST",) if stands_alone else ("GET", "POST", "DELETE"),
        max_body_bytes=MAX_BODY_BYTES,
    )
