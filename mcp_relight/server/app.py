"""The server factory: the same MCP server for every transport and for the tests."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from mcp.server.mcpserver import MCPServer

from mcp_relight import __version__
from mcp_relight.service.handle import ServiceHandle

from .apps import compare_app
from .changes import Changes
from .completion import add_completion
from .prompts import add_prompts
from .relight_server import RelightServer
from .resources import CACHE_HINTS, add_resources
from .tasks.extension import Tasks
from .tasks.listening import listen_for_tasks
from .tasks.of_jobs import JobTasks
from .tools import Tools

SERVER_NAME = "mcp-relight"
INSTRUCTIONS = (
    "Relights photos. relight_image with a path and a look (for instance golden_hour) or a "
    "direction is enough; it is free unless another model is named. Results are jobs: use "
    "get_job to wait, view_image to look. Chat attachments never reach this server: ask for a "
    "path, or call find_images."
)
_RESUME_AFTER_S = 0.5


def create_server(handle: ServiceHandle, *, resource_links: bool = True) -> RelightServer:
    changes = Changes(handle)
    tools = Tools(handle, resource_links=resource_links)
    tasks = Tasks([JobTasks(handle, tools)])

    @asynccontextmanager
    async def lifespan(server: MCPServer[ServiceHandle]) -> AsyncGenerator[ServiceHandle]:
        async with handle, anyio.create_task_group() as group:
            group.start_soon(_resume, handle)
            group.start_soon(changes.run)
            try:
                yield handle
            finally:
                group.cancel_scope.cancel()

    server = RelightServer(
        SERVER_NAME,
        handle,
        tasks,
        title="Relight",
        version=__version__,
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        tools=[*tools.all()],
        extensions=[compare_app(), tasks],
        subscriptions=changes,
        cache_hints=CACHE_HINTS,
        log_level="WARNING",
    )
    changes.serve_handshake_era(server)
    listen_for_tasks(server, tasks, changes)
    add_resources(server, handle)
    add_completion(server, handle)
    add_prompts(server)
    return server


async def _resume(handle: ServiceHandle) -> None:
    # After the first answers are out: looking for unfinished work may start a process.
    await anyio.sleep(_RESUME_AFTER_S)
    await handle.resume()
