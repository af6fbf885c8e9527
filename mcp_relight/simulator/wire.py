"""Faults below HTTP: real resets, silence, drips and bytes that are not HTTP.

ASGI hides the socket. The protocol class here puts each connection's transport into the request's
state, so that a reply can reset the connection after the body was read and charged.
"""

import asyncio
import socket
import struct
import sys
from typing import Any, Literal

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

BEFORE_BODY = frozenset({"reset_before_body", "reset_during_body"})
UNACCEPTED = frozenset({"hang_unaccepted"})
NOT_HTTP = b"\x15\x03\x01\x00\x02\x02\x28 this is not HTTP\r\n\r\n"

# What is sent, and how it ends. The two kinds that end neither way are `_drip` and `_endless`.
_Sent = Literal["nothing", "half a status line", "half", "not HTTP"]
_End = Literal["reset", "close", "hang"]
_BREAKS: dict[str, tuple[_Sent, _End]] = {
    "reset_before_body": ("nothing", "reset"),
    "reset_during_body": ("nothing", "reset"),
    "reset_after_body": ("nothing", "reset"),
    "reset_in_headers": ("half a status line", "reset"),
    "reset_mid_reply": ("half", "reset"),
    "close_without_reply": ("nothing", "close"),
    "cut_reply": ("half", "close"),
    "hang_unaccepted": ("nothing", "hang"),
    "hang_before_reply": ("nothing", "hang"),
    "hang_mid_reply": ("half", "hang"),
    "not_http": ("not HTTP", "close"),
}


class TransportInScope(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, with its transport in `scope["state"]["transport"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # asyncio does this only for sockets made with an explicit protocol number; without it each
        # reply (headers, then body) waits 40 ms for the client's delayed acknowledgement.
        raw: Any = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}


class Line:
    """The connection of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, drip_s: float) -> None:
        self._transport: asyncio.Transport = scope["state"]["transport"]
        self._receive = receive
        self._send = send
        self._drip_s = drip_s

    async def send_badly(self, response: Response, kind: str) -> None:
        """Send the response as a kind of the family `connection` says."""
        if kind == "slow_drip":
            await self._drip(response)
        elif kind == "endless_reply":
            await self._endless(response)
        else:
            sent, end = _BREAKS[kind]
            await self._begin(response, sent)
            await self._end(end)

    async def _begin(self, response: Response, sent: _Sent) -> None:
        if sent == "half":
            await self._start(response)
            await self._body(bytes(response.body[: len(response.body) // 2]))
        elif sent == "half a status line":
            self._transport.write(b"HTTP/1.1 20")
        elif sent == "not HTTP":
            self._transport.write(NOT_HTTP)
        if sent != "nothing":
            # An abort would throw away what the transport has not yet handed to the kernel.
            await asyncio.sleep(0.01)

    async def _end(self, end: _End) -> None:
        if end == "reset":
            # RST, not FIN: whatever is unread on the other side ends in an error.
            raw: Any = self._transport.get_extra_info("socket")
            form = "hh" if sys.platform == "win32" else "ii"
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(form, 1, 0))
            self._transport.abort()
        elif end == "close":
            self._transport.close()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _drip(self, response: Response) -> None:
        await self._start(response)
        for at in range(len(response.body)):
            if self._transport.is_closing():
                return
            await self._body(bytes(response.body[at : at + 1]))
            await asyncio.sleep(self._drip_s)
        await self._body(b"", more=False)

    async def _endless(self, response: Response) -> None:
        del response.headers["content-length"]
        await self._start(response)
        while not self._transport.is_closing():
            await self._body(bytes(response.body) + b" " * 65_536)
            await asyncio.sleep(0)

    async def _start(self, response: Response) -> None:
        start = {"type": "http.response.start", "status": response.status_code}
        await self._send({**start, "headers": response.raw_headers})

    async def _body(self, piece: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})
