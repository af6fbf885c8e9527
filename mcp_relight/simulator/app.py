"""The Starlette application, and starting it: as a program, or inside a test.

/pixeldojo/…   stands for https://pixeldojo.ai
/pixazo/…      stands for https://gateway.pixazo.ai
/segmind/…     stands for https://api.segmind.com and https://workflows-api.segmind.com
/files/…       stands for the providers' public file stores; takes no key
/s3/…          stands for the user's own bucket; every request must be signed
/canary/…      where hostile addresses lead: everything that arrives is recorded
/_sim/…        controls
"""

import ipaddress
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from mcp_relight.simulator import control
from mcp_relight.simulator.api import Answered, Api, early_answer
from mcp_relight.simulator.control import SimulatorHandle
from mcp_relight.simulator.ledger import PROVIDERS
from mcp_relight.simulator.middleware import route
from mcp_relight.simulator.pixazo import Pixazo
from mcp_relight.simulator.pixeldojo import PixelDojo
from mcp_relight.simulator.segmind import Segmind
from mcp_relight.simulator.spoiled_files import gone
from mcp_relight.simulator.state import Simulation, new_simulation
from mcp_relight.simulator.wire import TransportInScope

BACKLOG = 512
STOP_WITHIN_S = 1


def create_app(sim: Simulation) -> Starlette:
    """The whole simulator over one world. Stateless itself: two apps may share a world."""
    apis = [api(sim) for api in (PixelDojo, Pixazo, Segmind)]
    return Starlette(
        routes=[
            *(Mount(f"/{api.name}", routes=api.routes()) for api in apis),
            *(Mount(f"/files/{name}", routes=FileStore(sim, name).routes()) for name in PROVIDERS),
            Mount("/s3", routes=sim.bucket.routes()),
            Mount("/_sim", routes=control.routes(sim)),
            Route("/canary/{path:path}", _canary(sim), methods=["GET", "POST", "PUT", "HEAD"]),
        ],
        exception_handlers={Answered: early_answer},
    )


class FileStore(Api):
    """A provider's file store. It speaks plain HTTP and knows no accounts."""

    def __init__(self, sim: Simulation, name: str) -> None:
        super().__init__(sim)
        self.name = name

    def routes(self) -> list[Route]:
        return [route(self, "download", "/{path:path}", self.download)]

    def error(self, status: int, text: str = "") -> Response:
        return PlainTextResponse(text or f"Error {status}", status)

    async def download(self, request: Request) -> Response:
        path = f"{self.name}/{request.path_params['path']}"
        file = self.sim.files.find(path, self.sim.now())
        if file is None:
            return gone()
        return Response(await self.sim.files.read(file), media_type=file.media_type)


def _canary(sim: Simulation) -> Callable[[Request], Awaitable[Response]]:
    async def record(request: Request) -> Response:
        body = await request.body()
        headers = (value for _, value in request.headers.raw)
        said = b"\n".join([*headers, body, request.url.query.encode()])
        keys = [account["key"] for account in sim.ledger.summary()["accounts"]]
        sim.ledger.note_canary(
            method=request.method,
            path=request.url.path,
            host=request.headers.get("host"),
            key_seen=any(key.encode() in said for key in keys),
            bytes=len(body),
        )
        return PlainTextResponse("canary")

    return record


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
    return {"origin": origin, "urls": handle.urls, "keys": handle.keys, "bucket": handle.bucket}
