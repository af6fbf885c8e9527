"""A balancer of the tests' own: round robin over replicas, past those that are dead."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.from_thread
import httpx2
import uvicorn

_OWN = {b"content-length", b"connection", b"transfer-encoding"}


async def body_of(receive: Any) -> bytes:
    """The whole body of a request to an ASGI app."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


@dataclass
class Balancer:
    replicas: list[str] = field(default_factory=list)
    served: Counter[str] = field(default_factory=Counter)
    url: str = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = await body_of(receive)
        headers = [(name, value) for name, value in scope["headers"] if name not in _OWN]
        for _ in range(len(self.replicas)):
            self.replicas.append(self.replicas.pop(0))
            try:
                await self._through(self.replicas[-1], scope, headers, body, send)
            except httpx2.ConnectError:
                continue
            return

    async def _through(
        self, replica: str, scope: Any, headers: list[Any], body: bytes, send: Any
    ) -> None:
        async with httpx2.AsyncClient(trust_env=False, timeout=None) as client:
            address = replica + scope["path"]
            async with client.stream(
                scope["method"], address, headers=headers, content=body
            ) as answer:
                self.served[replica] += 1
                told = [(name.lower(), value) for name, value in answer.headers.raw]
                kept = [pair for pair in told if pair[0] not in _OWN]
                start = {"type": "http.response.start", "status": answer.status_code}
                await send(start | {"headers": kept})
                async for piece in answer.aiter_raw():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@contextmanager
def balancing() -> Iterator[Balancer]:
    """On a free port of this machine, in a thread of its own; its replicas come later."""
    balancer = Balancer()
    config = uvicorn.Config(
        balancer, port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: anyio.run(server.serve), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    port = server.servers[0].sockets[0].getsockname()[1]
    balancer.url = f"http://127.0.0.1:{port}"
    try:
        yield balancer
    finally:
        server.should_exit = True
        thread.join(10)
