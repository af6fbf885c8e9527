"""The server factory: the same MCP server for every transport and for the tests."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from mcp.server.caching import CacheHint
from mcp.server.mcpserver import MCPServer

from mcp_relight import __version__
from mcp_relight.service.opener import Opener

from .apps import compare_app
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


def create_server(opener: Opener, *, resource_links: bool = True) -> RelightServer:
    @asynccontextmanager
    async def lifespan(server: MCPServer[Opener]) -> AsyncGenerator[Opener]:
        async with opener, anyio.create_task_group() as tasks:
            tasks.start_soon(_resume, opener)
            try:
                yield opener
            finally:
                tasks.cancel_scope.cancel()

    server = RelightServer(
        SERVER_NAME,
        title="Relight",
        version=__version__,
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        extensions=[compare_app()],
        tools=[*Tools(opener, resource_links=resource_links).all()],
        cache_hints={"tools/list": CacheHint(ttl_ms=60_000, scope="public")},
        log_level="WARNING",
    )
    add_resources(server, opener)
    return server


async def _resume(opener: Opener) -> None:
    # After the first answers are out: looking for unfinished work may start a process.
    await anyio.sleep(_RESUME_AFTER_S)
    await opener.resume()
