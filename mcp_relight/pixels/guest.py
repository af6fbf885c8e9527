"""Being a guest at the child that a worker has just started.

A first picture is looked at by who was asked and computed by the worker. Two children would load
the same beside each other, while both cores have enough to do; so the worker's child looks at it
as well, until the worker itself needs it.
"""

import hashlib
import socket
from contextlib import suppress
from typing import Any

import anyio
from anyio.abc import UNIXSocketStream

from mcp_relight.domain.image import Inspected

from .process import Talk, TalkOver

_START_LIMIT_S = 20.0
"""A host that is not there by then is not waited for: a child of one's own is."""

_MOST_REMEMBERED_BYTES = 8_000_000


class LastLook:
    """The picture that was looked at last: asked for another light it need not be again."""

    def __init__(self) -> None:
        self._digest = b""
        self._found: Inspected | None = None

    def of(self, data: bytes) -> Inspected | None:
        return self._found if self._found and self._digest == _digest(data) else None

    def keep(self, data: bytes, found: Inspected) -> None:
        """A large one is not kept: this process is to stay small."""
        if len(data) + len(found.data) <= _MOST_REMEMBERED_BYTES:
            self._digest, self._found = _digest(data), found


class Guest:
    """One end of a line to another process's child. It may end at any time, and nothing is lost:
    whatever a guest may ask can be asked again elsewhere."""

    def __init__(self, line: socket.socket) -> None:
        """`line` is this object's from now on."""
        line.setblocking(False)
        self._line = line
        self._stream: UNIXSocketStream | None = None
        self._talk: Talk | None = None
        self.is_over = False
        self.last_look = LastLook()

    async def ask(self, request: object, limit_s: float) -> Any | None:
        """The answer; None when there is none to be had here any more."""
        if self.is_over:
            return None
        answer = None
        try:
            with suppress(TalkOver), anyio.move_on_after(_START_LIMIT_S + limit_s):
                answer = await (await self._talking()).exchange(request)
        finally:
            if answer is None:  # half a frame may be on the line
                await self.aclose()
        return answer

    async def _talking(self) -> Talk:
        if self._talk is None:
            self._stream = await UNIXSocketStream.from_socket(self._line)
            self._talk = Talk(self._stream, self._stream)
        return self._talk

    async def aclose(self) -> None:
        self.is_over = True
        if self._stream is not None:
            await anyio.aclose_forcefully(self._stream)
        self._line.close()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
