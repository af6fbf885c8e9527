"""The server factory: the same MCP server for every transport and for the tests."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.request_state import RequestStateSecurity

from mcp_relight import __version__
from mcp_relight.service.handle import ServiceHandle

from .apps import compare_app
from .audit import Audit
from .changes import Changes
from .completion import add_completion
from .prompts import add_prompts
from .relight_server import RelightServer
from .resources import CACHE_HINTS, add_resources, private
from .tasks.extension import Tasks
from .tasks.listening import listen_for_tasks
from .tasks.of_jobs import JobTasks
from .tools import Tools

if TYPE_CHECKING:
    from .remote import Wire

SERVER_NAME = "mcp-relight"
INSTRUCTIONS = (
    "Relights photos. relight_image with a path and a look (for instance golden_hour) or a "
    "direction is enough; it is free unless another model is named. Results are jobs: use "
    "get_job to wait, view_image to look. Chat attachments never reach this server: ask for a "
    "path, or call find_images."
)
_RESUME_AFTER_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ForMany:
    """What a server needs beside its service where many people call several such processes."""

    state_keys: Sequence[str]
    """Seal what a client carries from one call to the next; every replica has the same."""
    audit: Audit
    wire: "Wire"
    """How pictures come and go."""


def create_server(
    handle: ServiceHandle, *, resource_links: bool = True, for_many: ForMany | None = None
) -> RelightServer:
    """`for_many`: each request stands alone, so that nothing may be promised that needs the process
    which answered the one before."""
    changes = Changes(handle)
    wire = None if for_many is None else for_many.wire
    tools = Tools(handle, resource_links=resource_links, wire=wire)
    tasks = Tasks([JobTasks(handle, tools, keeps_questions=for_many is None)])

    @asynccontextmanager
    async def lifespan(server: MCPServer[ServiceHandle]) -> AsyncGenerator[ServiceHandle]:
        async with handle, anyio.create_task_group() as group:
            group.start_soon(_resume, handle)
            group.start_soon(changes.run)
            if for_many is not None:
                group.start_soon(for_many.audit.run)
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
        instructions=INSTRUCTIONS if wire is None else wire.instructions,
        lifespan=lifespan,
        tools=[*tools.all()],
        extensions=[compare_app(), tasks],
        subscriptions=changes,
        cache_hints=CACHE_HINTS if for_many is None else private(CACHE_HINTS),
        request_state_security=_sealed(for_many),
        audit=None if for_many is None else for_many.audit,
        log_level="WARNING",
    )
    if for_many is None:
        changes.serve_handshake_era(server)
    listen_for_tasks(server, tasks, changes)
    add_resources(server, handle, wire=wire)
    add_completion(server, handle)
    add_prompts(server, remote=wire is not None)
    return server


def _sealed(for_many: ForMany | None) -> RequestStateSecurity | None:
    """Without keys the SDK makes one for this process."""
    return None if for_many is None else RequestStateSecurity(keys=[*for_many.state_keys])


async def _resume(handle: ServiceHandle) -> None:
    # After the first answers are out: looking for unfinished work may start a process.
    await anyio.sleep(_RESUME_AFTER_S)
    await handle.resume()
