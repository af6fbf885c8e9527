"""Faults below HTTP: real resets, silence, drips and bytes that are not HTTP.

ASGI hides the socket. The protocol class here puts each connection's transport into the request's
state, so that a reply can reset the connection after the body was read and charged.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from mcp_relight.simulator.exchange import Reply

BEFORE_BODY = frozenset({"reset_before_body", "reset_during_body"})
UNACCEPTED = frozenset({"hang_unaccepted"})


class TransportInScope(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, with its transport in `scope["state"]["transport"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # asyncio does this only for sockets made with an explicit protocol number; without it each
        # reply (headers, then body) waits 40 ms for the client's delayed acknowledgement.
        raw: Any = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}


def respond(reply: Reply, kind: str | None, drip_s: float) -> ASGIApp:
    """The ASGI application that sends the reply, honestly or as the connection kind says."""
    if kind is not None:
        return _Broken(reply, kind, drip_s)
    payload = reply.payload()
    headers = dict(reply.headers)
    if reply.chunked:
        return StreamingResponse(iter([payload]), reply.status, headers, reply.media_type)
    return Response(payload, reply.status, headers, reply.media_type)


class _Broken:
    """Sends a reply badly."""

    def __init__(self, reply: Reply, kind: str, drip_s: float) -> None:
        self._reply = reply
        self._drip_s = drip_s
        self._act = _ACTS[kind]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._act(_Line(scope, receive, send, self._reply, self._drip_s))


class _Line:
    """The connection, as the acts below use it."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, reply: Reply, drip_s: float
    ) -> None:
        self.transport: asyncio.Transport = scope["state"]["transport"]
        self.payload = reply.payload()
        self.drip_s = drip_s
        self._receive = receive
        self._send = send
        self._reply = reply

    async def start(self) -> None:
        headers = {
            "content-type": self._reply.media_type,
            "content-length": str(len(self.payload)),
            **self._reply.headers,
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        start = {"type": "http.response.start", "status": self._reply.status, "headers": raw}
        await self._send(start)

    async def start_without_length(self) -> None:
        headers = [(b"content-type", self._reply.media_type.encode())]
        await self._send(
            {"type": "http.response.start", "status": self._reply.status, "headers": headers}
        )

    async def body(self, piece: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def half(self) -> None:
        await self.start()
        await self.body(self.payload[: len(self.payload) // 2], more=True)

    async def until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def reset(self) -> None:
        """RST, not FIN: whatever is unread on the other side ends in an error."""
        raw: Any = self.transport.get_extra_info("socket")
        form = "hh" if sys.platform == "win32" else "ii"
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(form, 1, 0))
        self.transport.abort()
        await self.until_gone()

    async def close(self) -> None:
        self.transport.close()
        await self.until_gone()

    def raw(self, data: bytes) -> None:
        self.transport.write(data)

    @property
    def is_open(self) -> bool:
        return not self.transport.is_closing()


async def _reset(line: _Line) -> None:
    await line.reset()


async def _reset_in_headers(line: _Line) -> None:
    line.raw(b"HTTP/1.1 20")
    await _let_it_arrive()
    await line.reset()


async def _reset_mid_reply(line: _Line) -> None:
    await line.half()
    await _let_it_arrive()
    await line.reset()


async def _let_it_arrive() -> None:
    """An abort would throw away what the transport has not yet handed to the kernel."""
    await asyncio.sleep(0.01)


async def _close(line: _Line) -> None:
    await line.close()


async def _cut(line: _Line) -> None:
    await line.half()
    await line.close()


async def _hang(line: _Line) -> None:
    await line.until_gone()


async def _hang_mid_reply(line: _Line) -> None:
    await line.half()
    await line.until_gone()


async def _drip(line: _Line) -> None:
    await line.start()
    for index in range(len(line.payload)):
        if not line.is_open:
            return
        await line.body(line.payload[index : index + 1], more=True)
        await asyncio.sleep(line.drip_s)
    await line.body(b"", more=False)


async def _not_http(line: _Line) -> None:
    line.raw(b"\x15\x03\x01\x00\x02\x02\x28 this is not HTTP\r\n\r\n")
    await line.close()


async def _endless(line: _Line) -> None:
    await line.start_without_length()
    while line.is_open:
        await line.body(line.payload + b" " * 65_536, more=True)
        await asyncio.sleep(0)


_ACTS: dict[str, Callable[[_Line], Awaitable[None]]] = {
    "reset_before_body": _reset,
    "reset_during_body": _reset,
    "reset_after_body": _reset,
    "reset_in_headers": _reset_in_headers,
    "reset_mid_reply": _reset_mid_reply,
    "close_without_reply": _close,
    "cut_reply": _cut,
    "hang_unaccepted": _hang,
    "hang_before_reply": _hang,
    "hang_mid_reply": _hang_mid_reply,
    "slow_drip": _drip,
    "not_http": _not_http,
    "endless_reply": _endless,
}
