"""Starting the simulator: as a program, or inside a test."""

import ipaddress
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from mcp_relight.simulator.app import create_app
from mcp_relight.simulator.handle import SimulatorHandle
from mcp_relight.simulator.state import Simulation, new_simulation
from mcp_relight.simulator.wire import TransportInScope

BACKLOG = 512
STOP_WITHIN_S = 1


def run(
    host: str = "127.0.0.1", port: int = 0, journal: Path | None = None, **settings: Any
) -> None:
    """Serve until SIGINT or SIGTERM; one JSON line on stdout says where.

    `settings` are fields of `state.Settings`. Raises ValueError for a host that is not loopback or
    a setting that makes no sense, OSError where the port is taken.
    """
    sim = new_simulation(journal, **settings)
    with _listening(host, port) as listener:
        server = _server(sim)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # uvicorn raises it again once it has stopped
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.stdout.write(json.dumps(_announcement(_origin(listener))) + "\n")
        sys.stdout.flush()
        try:
            server.run(sockets=[listener])
        finally:
            sim.close()


@contextmanager
def running_simulator(
    journal: Path | None = None, **settings: Any
) -> Generator[SimulatorHandle, None, None]:
    """A simulator on a free port, in a thread of this process, stopped on the way out."""
    sim = new_simulation(journal, **settings)
    with _listening("127.0.0.1", 0) as listener:
        server = _server(sim)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True
        )
        thread.start()
        try:
            yield SimulatorHandle(_origin(listener))
        finally:
            server.should_exit = True
            thread.join()
            sim.close()


def _server(sim: Simulation) -> uvicorn.Server:
    config = uvicorn.Config(
        create_app(sim),
        http=TransportInScope,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    return uvicorn.Server(config)


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket. Bound before the server starts, so that its port can be told at once."""
    if host != "localhost" and not _is_loopback(host):
        raise ValueError(
            "host: the simulator takes anybody's money, so it listens on loopback only"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reuse = {"reuse_port": False} if os.name == "posix" else {}
    return socket.create_server((host, port), family=family, backlog=BACKLOG, **reuse)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announcement(origin: str) -> dict[str, Any]:
    """What a script needs to point a client at this process."""
    handle = SimulatorHandle(origin)
    return {"origin": origin, "urls": handle.urls, "keys": handle.keys}
