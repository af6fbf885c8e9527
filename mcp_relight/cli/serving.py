"""`serve`, `worker` and `migrate`. The MCP SDK is loaded by `serve` alone: a worker must not wait
for it."""

import argparse

import anyio

from mcp_relight import telemetry
from mcp_relight.bootstrap import Application, run_migrations, run_team_worker, run_worker
from mcp_relight.config import Settings
from mcp_relight.config_early import adopt
from mcp_relight.errors import InvalidArgument
from mcp_relight.jobs.spawn import await_word

from .session import answer, load_settings


def serve(namespace: argparse.Namespace) -> int:
    settings = _operated(namespace)
    application = Application(settings)
    application.check_settings()
    # Before the MCP SDK is loaded: that takes as long as a worker needs to be at work.
    application.start_worker(namespace.ahead)

    from mcp_relight.server.app import create_server

    if namespace.http:
        from mcp_relight.server.http import serve_http

        from .web import for_many, site_of

        site = site_of(settings, application, namespace)
        server = create_server(
            application,
            resource_links=settings.resource_links,
            for_many=for_many(settings, application),
        )
        anyio.run(serve_http, server, site)
        return 0

    server = create_server(application, resource_links=settings.resource_links)

    from mcp_relight.server.stdio import serve_stdio

    async def stdio() -> None:
        await serve_stdio(server, handshake_only=settings.handshake_only)

    anyio.run(stdio)
    return 0


def _operated(namespace: argparse.Namespace) -> Settings:
    """The settings of a process that runs for long, traced where that is wanted."""
    settings = load_settings(namespace)
    if settings.traces_url is not None and not settings.local_only:
        telemetry.trace_to(settings.traces_url)
    return settings


def migrate(namespace: argparse.Namespace) -> int:
    number = anyio.run(run_migrations, load_settings(namespace))
    answer(
        {"schema": number},
        as_json=namespace.json,
        draw=lambda: print(f"The job database is ready (schema {number})."),
    )
    return 0


def worker(namespace: argparse.Namespace) -> int:
    if namespace.standby is not None:
        variables = await_word(namespace.standby)
        if variables is None:
            return 0
        adopt(variables)
    settings = _operated(namespace)
    if settings.database_url is not None:
        anyio.run(run_team_worker, settings, namespace.queue or ["remote", "local"])
    elif namespace.queue:
        raise InvalidArgument(
            "--queue is for the jobs of a team.", hint="Set MCP_RELIGHT_DATABASE_URL, or leave it."
        )
    else:
        anyio.run(run_worker, settings, namespace.early)
    return 0
