"""Serving over stdio: ends cleanly on SIGTERM, SIGINT, end of input and a client that is gone."""

import os
import signal
import sys
import threading

import anyio
from mcp.server.runner import serve_loop
from mcp.server.stdio import stdio_server

from mcp_relight.errors import InvalidArgument

from .relight_server import RelightServer

_GRACE_S = 2.0


async def serve_stdio(server: RelightServer, *, handshake_only: bool) -> None:
    """Runs until a signal or until its client is gone. Raises InvalidArgument where stdin or
    stdout is closed from the start."""
    if not (sys.stdin and sys.stdout):
        raise InvalidArgument(
            "serve speaks with its client over stdin and stdout, and one of them is closed.",
            hint="Let an MCP client start it, or use --http.",
        )
    try:
        async with anyio.create_task_group() as tasks:
            if sys.platform != "win32":
                tasks.start_soon(_stop_on_signal, tasks.cancel_scope)
            if handshake_only:
                await _serve_handshake_only(server)
            else:
                await server.run_stdio_async()
            tasks.cancel_scope.cancel()
    except* BrokenPipeError:
        pass  # a client that was killed reads no more: an end like any other


async def _stop_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            # The thread that reads stdin cannot be cancelled; it must not keep us alive.
            timer = threading.Timer(_GRACE_S, os._exit, (0,))
            timer.daemon = True
            timer.start()
            scope.cancel()
            return


async def _serve_handshake_only(server: RelightServer) -> None:
    """Only the 2025-11-25 handshake: some clients probe `server/discover` first, then fall back
    to `initialize`, which a server that answered the probe must refuse."""
    lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage] - no public way in 2.3
    async with lowlevel.lifespan(lowlevel) as state, stdio_server() as (read, write):
        await serve_loop(
            lowlevel,
            read,
            write,
            lifespan_state=state,
            init_options=lowlevel.create_initialization_options(),
        )
