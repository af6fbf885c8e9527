"""One child for two processes: whoever waits for a picture looks at it in the worker's child."""

import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread
import pytest

from mcp_relight.domain.image import RenderTask
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.errors import ImageCorrupt
from mcp_relight.pixels import frames
from mcp_relight.pixels.client import PixelChild
from mcp_relight.pixels.launch import start_early

from .pictures import encoded, photo

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="a line cannot be passed on there"),
]

PICTURE = encoded(photo(), "PNG")
OTHER = encoded(photo(), "JPEG")


def host_of(line: socket.socket, *, idle_s: float = 60.0) -> PixelChild:
    """With a child that also listens at this end of a line."""
    early = start_early(line.detach(), idle_s=idle_s)
    assert early is not None
    host = PixelChild()
    host.adopt(early)
    return host


@asynccontextmanager
async def a_visit() -> AsyncGenerator[tuple[PixelChild, PixelChild]]:
    """The host, whose child is started, and the guest, who has none."""
    here, there = socket.socketpair()
    host, guest = host_of(there), PixelChild()
    guest.visit(here)
    try:
        await host.warm_up()
        yield host, guest
    finally:
        await guest.aclose()
        await host.aclose()


async def test_a_guest_looks_at_pictures_without_a_child_of_its_own() -> None:
    async with a_visit() as (host, guest):
        assert guest.is_guest
        assert (await guest.inspect(PICTURE)).width == 64
        with pytest.raises(ImageCorrupt):
            await guest.inspect(b"")
        assert (await guest.inspect(OTHER)).mime_type == "image/jpeg"
        assert (guest.pid, host.pid is None) == (None, False)


async def test_a_photo_looked_at_ahead_is_lit_as_any_other() -> None:
    lit = RenderTask(image=PICTURE, lighting=Lighting(lights=(Light(azimuth_deg=-60),)))
    async with a_visit() as (host, guest):
        await guest.look_ahead(PICTURE)
        seen = await guest.inspect(PICTURE)  # known by then
        assert (seen.data, guest.pid) == (PICTURE, None)
        first = await host.render(lit)
        assert await host.render(lit) == first
        assert first.analysis is not None


async def test_a_picture_that_is_none_is_refused_when_it_is_asked_for() -> None:
    async with a_visit() as (_, guest):
        await guest.look_ahead(b"")
        with pytest.raises(ImageCorrupt):
            await guest.inspect(b"")
        assert guest.pid is None


async def test_the_child_is_its_host_s_alone_once_that_asks_for_anything() -> None:
    """Else a guest would wait for a picture that is computed there."""
    async with a_visit() as (host, guest):
        theirs = host.pid
        seen = await guest.inspect(PICTURE)
        assert await host.inspect(OTHER) != seen
        assert await guest.inspect(PICTURE) == seen  # still known: it takes no child
        assert guest.pid is None
        assert (await guest.inspect(OTHER)).mime_type == "image/jpeg"
        assert guest.pid not in {None, theirs}
        assert not guest.is_guest
        assert host.pid == theirs


async def test_a_guest_loses_nothing_with_its_host() -> None:
    async with a_visit() as (host, guest):
        assert host.pid is not None
        os.kill(host.pid, signal.SIGSTOP)
        async with anyio.create_task_group() as tasks:

            async def look() -> None:
                assert (await guest.inspect(PICTURE)).width == 64

            tasks.start_soon(look)
            await anyio.wait_all_tasks_blocked()
            os.kill(host.pid, signal.SIGKILL)
        assert guest.pid is not None


async def test_a_guest_whose_call_was_cancelled_goes_to_a_child_of_its_own() -> None:
    """The answer to the call before would be taken for that of the next."""
    async with a_visit() as (host, guest):
        assert host.pid is not None
        os.kill(host.pid, signal.SIGSTOP)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(guest.inspect, PICTURE)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        os.kill(host.pid, signal.SIGCONT)
        assert (await guest.inspect(OTHER)).mime_type == "image/jpeg"
        assert guest.pid is not None


async def test_a_host_that_never_comes_is_not_waited_for() -> None:
    here, there = socket.socketpair()
    guest = PixelChild()
    guest.visit(here)
    there.close()
    assert (await guest.inspect(PICTURE)).width == 64
    assert guest.pid is not None
    await guest.aclose()


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", b"".join(frames.pack({"task": "render", "limit_s": 1}))]
)
async def test_a_guest_may_ask_for_nothing_but_decoding(said: bytes) -> None:
    here, there = socket.socketpair()
    host = host_of(there)
    await host.warm_up()
    here.sendall(said)
    here.settimeout(60)
    assert await anyio.to_thread.run_sync(here.recv, 1) == b""
    assert (await host.inspect(PICTURE)).width == 64
    here.close()
    await host.aclose()


async def test_a_child_without_work_leaves_though_a_guest_is_there() -> None:
    here, there = socket.socketpair()
    host = host_of(there, idle_s=0.1)
    await host.warm_up()
    here.settimeout(60)
    assert await anyio.to_thread.run_sync(here.recv, 1) == b""
    assert (await host.inspect(PICTURE)).width == 64
    here.close()
    await host.aclose()


async def test_an_early_child_that_nobody_came_to_ask_is_ended() -> None:
    here, there = socket.socketpair()
    host = host_of(there)
    await host.aclose()
    here.settimeout(60)
    assert here.recv(1) == b""
    here.close()
    assert host.pid is None
