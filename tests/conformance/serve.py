"""The real server with the suite's fixtures: `python -m tests.conformance.serve`.

Settings come from the environment; the address is said on stderr.
"""

import warnings

import anyio
from mcp import MCPDeprecationWarning

from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.server.app import create_server
from mcp_relight.server.http import Site, serve_http
from mcp_relight.server.web.health import Health
from tests.conformance.fixture_content import add_content
from tests.conformance.fixture_input import add_questions
from tests.conformance.fixture_tasks import FixtureTasks, add_task_tools


async def serve() -> None:
    # The suite still checks what the SDK calls deprecated.
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    application = Application(Settings.load())
    server = create_server(application)
    add_content(server)
    add_questions(server)
    add_task_tools(server)
    async with anyio.create_task_group() as group:
        server.tasks.sources.append(FixtureTasks(group))
        health = Health(application.examine_store)
        await serve_http(server, Site(host="127.0.0.1", port=0, health=health))
        group.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(serve)
