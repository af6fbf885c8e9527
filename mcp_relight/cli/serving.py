"""`serve`, `worker` and `migrate`. The MCP SDK is loaded by `serve` alone: a worker must not wait
for it."""

import argparse

import anyio

from mcp_relight.bootstrap import Application, run_migrations, run_team_worker, run_worker
from mcp_relight.errors import InvalidArgument

from .session import answer, load_settings


def serve(namespace: argparse.Namespace) -> int:
    settings = load_settings(namespace)
    application = Application(settings)
    application.check_settings()
    # Before the MCP SDK is loaded: that takes as long as a worker needs to be at work.
    application.start_worker()

    from mcp_relight.server.app import create_server

    server = create_server(application, resource_links=settings.resource_links)
    if namespace.http:
        from mcp_relight.server.http import serve_http

        anyio.run(serve_http, server, namespace.host, namespace.port)
        return 0

    from mcp_relight.server.stdio import serve_stdio

    async def stdio() -> None:
        await serve_stdio(server, handshake_only=settings.handshake_only)

    anyio.run(stdio)
    return 0


def migrate(namespace: argparse.Namespace) -> int:
    number = anyio.run(run_migrations, load_settings(namespace))
    answer(
        {"schema": number},
        as_json=namespace.json,
        draw=lambda: print(f"The job database is ready (schema {number})."),
    )
    return 0


def worker(namespace: argparse.Namespace) -> int:
    settings = load_settings(namespace)
    if settings.database_url is not None:
        anyio.run(run_team_worker, settings, namespace.queue or ["remote", "local"])
    elif namespace.queue:
        raise InvalidArgument(
            "--queue is for the jobs of a team.", hint="Set MCP_RELIGHT_DATABASE_URL, or leave it."
        )
    else:
        anyio.run(run_worker, settings)
    return 0
