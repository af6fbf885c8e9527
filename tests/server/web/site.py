"""The web application in this process: its routes, a client of them, and raw requests."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from starlette.types import ASGIApp, Message

HOST = "relight.test"
ORIGIN = f"http://{HOST}"


@asynccontextmanager
async def visiting(app: ASGIApp, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that speaks to the application without a network; nothing of it is running yet."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
        yield client


async def raw(
    app: ASGIApp, path: str, chunks: Sequence[bytes], *, headers: dict[str, str] | None = None
) -> tuple[int, int]:
    """The status of a POST whose body comes in these pieces, and how many of them were read."""
    sent: list[Message] = []
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        more = taken < len(chunks)
        return {"type": "http.request", "body": chunks[taken - 1], "more_body": more}

    async def send(message: Message) -> None:
        sent.append(message)

    named = {"host": HOST, "content-type": "application/json", **(headers or {})}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }
    await app(scope, receive, send)
    return sent[0]["status"], taken
