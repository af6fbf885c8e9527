"""The server factory: the same MCP server for every transport and for the tests."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from mcp.server.caching import CacheHint
from mcp.server.mcpserver import MCPServer

from mcp_relight import __version__
from mcp_relight.service.service import Service

from .resources import RelightServer, add_resources
from .tools import Tools

SERVER_NAME = "mcp-relight"
INSTRUCTIONS = (
    "Relights photos. relight_image with a path and a look (for instance golden_hour) or a "
    "direction is enough; it is free unless another model is named. Results are jobs: use "
    "get_job to wait, view_image to look. Chat attachments never reach this server: ask for a "
    "path, or call find_images."
)
_RESUME_AFTER_S = 0.5


def create_server(service: Service, *, resource_links: bool = True) -> RelightServer:
    @asynccontextmanager
    async def lifespan(server: MCPServer[Service]) -> AsyncGenerator[Service]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_resume, service)
            try:
                yield service
            finally:
                tasks.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    await service.aclose()

    server = RelightServer(
        SERVER_NAME,
        title="Relight",
        version=__version__,
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        tools=[*Tools(service, resource_links=resource_links).all()],
        cache_hints={"tools/list": CacheHint(ttl_ms=60_000, scope="public")},
        log_level="WARNING",
    )
    add_resources(server, service)
    return server


async def _resume(service: Service) -> None:
    # After the first answers are out: looking for unfinished work may start a process.
    await anyio.sleep(_RESUME_AFTER_S)
    await service.resume()
