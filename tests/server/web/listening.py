"""A port of this machine at which the application of a test answers, once there is one."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Port:
    """Its address is known before what answers there."""

    url: str
    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@asynccontextmanager
async def a_port() -> AsyncGenerator[Port]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = Port(f"http://127.0.0.1:{listener.getsockname()[1]}")
        config = uvicorn.Config(
            port, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_run, server, listener)
            try:
                yield port
            finally:
                server.should_exit = True


async def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    await server.serve(sockets=[listener])
