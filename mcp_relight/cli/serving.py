"""`serve` and `worker`."""

import argparse

import anyio

from mcp_relight.bootstrap import Application, run_worker
from mcp_relight.server.app import create_server
from mcp_relight.server.stdio import serve_stdio

from .session import load_settings


def serve(namespace: argparse.Namespace) -> int:
    settings = load_settings(namespace)
    application = Application(settings)
    server = create_server(application, resource_links=settings.resource_links)
    if namespace.http:
        from mcp_relight.server.http import serve_http

        anyio.run(serve_http, server, namespace.host, namespace.port)
        return 0

    async def stdio() -> None:
        await serve_stdio(server, handshake_only=settings.handshake_only)

    anyio.run(stdio)
    return 0


def worker(namespace: argparse.Namespace) -> int:
    settings = load_settings(namespace)
    anyio.run(run_worker, settings)
    return 0
