"""Servers that misbehave, over real sockets: each ends in time, in a typed error or right bytes."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from mcp_relight.errors import RelightError
from mcp_relight.storage.fetch import Fetcher
from tests.hostile.origins import ORIGINS, Origin, bomb
from tests.quiet_time import quiet_s

pytestmark = pytest.mark.anyio

DEADLINE_S = 1.0
MAX_BYTES = 2_000_000
GROWTH_LIMIT_BYTES = 64 * 1024 * 1024


@asynccontextmanager
async def serving(speak: Callable[[SocketStream], Awaitable[None]]) -> AsyncIterator[str]:
    """`host:port` of a server that lets `speak` answer each request."""

    async def handle(stream: SocketStream) -> None:
        async with stream:
            try:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += await stream.receive()
                await speak(stream)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass  # the client had enough

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, handle)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  no database here
        yield f"127.0.0.1:{port}"
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("origin", ORIGINS, ids=lambda origin: origin.name)
async def test_a_misbehaving_origin_ends_in_time_and_as_expected(origin: Origin) -> None:
    bomb()
    async with serving(origin.speak) as server:
        fetcher = Fetcher(allow_private_hosts=frozenset({server}))
        started, resident = quiet_s(), start_memory_peak()
        try:
            result = await fetcher.fetch(
                f"http://{server}/a.png?secret", max_bytes=MAX_BYTES, deadline_s=DEADLINE_S
            )
            outcome, said = result, ""
        except RelightError as error:
            outcome, said = type(error), error.message + error.hint
        took_s, grown = quiet_s() - started, memory_peak() - resident
    assert outcome == origin.expect
    assert "secret" not in said
    assert took_s < DEADLINE_S + 1
    assert grown < MAX_BYTES + GROWTH_LIMIT_BYTES


def test_there_are_at_least_32_ways_to_misbehave() -> None:
    assert len({origin.name for origin in ORIGINS}) >= 32


def start_memory_peak() -> int:
    """Forget the peak so far; the resident bytes now. Only Linux tells, elsewhere 0."""
    if sys.platform != "linux":
        return 0
    Path("/proc/self/clear_refs").write_text("5")
    return _status_bytes("VmRSS:")


def memory_peak() -> int:
    return 0 if sys.platform != "linux" else _status_bytes("VmHWM:")


def _status_bytes(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise LookupError(field)
