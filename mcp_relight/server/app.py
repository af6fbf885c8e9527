"""The server factory: the same MCP server for every transport and for the tests."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from mcp.server.mcpserver import MCPServer

from mcp_relight import __version__
from mcp_relight.service.opener import Opener

from .apps import compare_app
from .changes import Changes
from .completion import add_completion
from .prompts import add_prompts
from .resources import CACHE_HINTS, RelightServer, add_resources
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


def create_server(opener: Opener, *, resource_links: bool = True) -> RelightServer:
    changes = Changes(opener)
    tools = Tools(opener, resource_links=resource_links)
    tasks = Tasks([JobTasks(opener, tools)])

    @asynccontextmanager
    async def lifespan(server: MCPServer[Opener]) -> AsyncGenerator[Opener]:
        async with opener, anyio.create_task_group() as group:
            group.start_soon(_resume, opener)
            group.start_soon(changes.run)
            try:
                yield opener
            finally:
                group.cancel_scope.cancel()

    server = RelightServer(
        SERVER_NAME,
        opener,
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
    add_resources(server, opener)
    add_completion(server, opener)
    add_prompts(server)
    return server


async def _resume(opener: Opener) -> None:
    # After the first answers are out: looking for unfinished work may start a process.
    await anyio.sleep(_RESUME_AFTER_S)
    await opener.resume()
