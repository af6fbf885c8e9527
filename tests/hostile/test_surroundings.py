"""The environment, certificates and look-ups that a fetch does not let itself be misled by."""

import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx2
import pytest
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.tls import TLSListener

from mcp_relight.errors import FetchFailed, TimedOut
from mcp_relight.storage.fetch import Fetcher
from tests.hostile.canary import PICTURE, reply_to
from tests.hostile.certificates import Authority

pytestmark = pytest.mark.anyio


@dataclass
class Seen:
    """What arrived at a server on this machine."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)


@asynccontextmanager
async def server(tls: ssl.SSLContext | None = None) -> AsyncIterator[Seen]:
    async def handle(stream: SocketStream) -> None:
        async with stream:
            request = await stream.receive()
            seen.requests.append(request)
            await stream.send(reply_to(request))

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        seen = Seen(port=listener.extra(SocketAttribute.local_port))  # noqa: S610  no database here
        if tls is not None:
            tls.sni_callback = lambda _, name, __: seen.server_names.append(name)
            tasks.start_soon(
                _serve_tls, TLSListener(listener, tls, standard_compatible=False), handle
            )
        else:
            tasks.start_soon(listener.serve, handle)
        yield seen
        tasks.cancel_scope.cancel()


async def _serve_tls(listener: TLSListener, handle: Callable[..., Awaitable[None]]) -> None:
    await listener.serve(handle)


async def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


PROXY_VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
)


async def test_proxies_in_the_environment_receive_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server() as proxy, server() as origin:
        for variable in PROXY_VARIABLES:
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        host = f"pictures.test:{origin.port}"
        fetcher = Fetcher(allow_private_hosts=frozenset({host}), resolver=loopback)
        fetched = await fetcher.fetch(f"http://{host}/a.png", max_bytes=1000, deadline_s=5)
        assert fetched == PICTURE
        assert proxy.requests == []

        async with httpx2.AsyncClient() as careless:  # the trap works
            await careless.get(f"http://{host}/a.png")
        assert len(proxy.requests) == 1


async def test_tls_asks_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with server(authority.server_context("pictures.test")) as origin:
        host = f"pictures.test:{origin.port}"
        fetcher = Fetcher(
            allow_private_hosts=frozenset({host}),
            resolver=loopback,
            ssl_context=authority.client_context(),
        )
        fetched = await fetcher.fetch(f"https://{host}/a.png", max_bytes=1000, deadline_s=5)
    assert fetched == PICTURE
    assert origin.server_names == ["pictures.test"]
    assert f"Host: {host}".encode() in origin.requests[0].split(b"\r\n")


async def test_a_root_dot_is_not_part_of_the_name_a_certificate_shows(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with server(authority.server_context("pictures.test")) as origin:
        host = f"pictures.test.:{origin.port}"
        fetcher = Fetcher(
            allow_private_hosts=frozenset({host}),
            resolver=loopback,
            ssl_context=authority.client_context(),
        )
        await fetcher.fetch(f"https://{host}/a.png", max_bytes=1000, deadline_s=5)
    assert origin.server_names == ["pictures.test"]


@pytest.mark.parametrize("shown", ["other.test", "127.0.0.1"])
async def test_a_certificate_for_another_name_is_refused(tmp_path: Path, shown: str) -> None:
    authority = Authority(tmp_path)
    async with server(authority.server_context(shown)) as origin:
        host = f"pictures.test:{origin.port}"
        fetcher = Fetcher(
            allow_private_hosts=frozenset({host}),
            resolver=loopback,
            ssl_context=authority.client_context(),
        )
        with pytest.raises(FetchFailed):
            await fetcher.fetch(f"https://{host}/a.png", max_bytes=1000, deadline_s=5)
    assert origin.requests == []


async def test_an_authority_nobody_trusts_is_refused(tmp_path: Path) -> None:
    async with server(Authority(tmp_path).server_context("pictures.test")) as origin:
        host = f"pictures.test:{origin.port}"
        fetcher = Fetcher(allow_private_hosts=frozenset({host}), resolver=loopback)
        with pytest.raises(FetchFailed):
            await fetcher.fetch(f"https://{host}/a.png", max_bytes=1000, deadline_s=5)
    assert origin.requests == []


async def test_a_name_server_that_never_answers_is_left_behind() -> None:
    async def silent(host: str, port: int) -> list[str]:
        await anyio.sleep_forever()
        return []

    fetcher = Fetcher(resolver=silent, connect_timeout_s=0.2)
    with pytest.raises(TimedOut), anyio.fail_after(30):
        await fetcher.fetch("https://public.test/a.png", max_bytes=1000, deadline_s=60)


async def test_a_blocking_look_up_does_not_hold_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()

    def slow(*args: object, **kwargs: object) -> list[object]:
        released.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    fetcher = Fetcher(connect_timeout_s=0.2)
    try:
        with pytest.raises(TimedOut), anyio.fail_after(30):
            await fetcher.fetch("https://public.test/a.png", max_bytes=1000, deadline_s=60)
    finally:
        released.set()
