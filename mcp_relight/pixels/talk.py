"""Asking a child and hearing its answer, over whatever streams lead there."""

from typing import Any

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream

from . import frames

_CHUNK_BYTES = 1 << 18


class TalkOver(Exception):
    """The other end is closed, or what it says is no frame (`is_broken`)."""

    def __init__(self, *, is_broken: bool) -> None:
        super().__init__()
        self.is_broken = is_broken


class Talk:
    """One question at a time, and its answer."""

    def __init__(self, sending: ByteSendStream, receiving: ByteReceiveStream) -> None:
        self._sending = sending
        self._receiving = receiving
        self._received = bytearray()

    async def exchange(self, request: object) -> Any:
        """Send one frame, receive one. Raises TalkOver."""
        try:
            for buffer in frames.pack(request):
                await self._sending.send(buffer)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            raise TalkOver(is_broken=False) from None
        return await self.receive()

    async def receive(self) -> Any:
        """The next frame. Raises TalkOver."""
        reading = frames.unpack()
        try:
            wanted = next(reading)
            while True:
                wanted = reading.send(await self._read(wanted))
        except StopIteration as done:
            return done.value
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            raise TalkOver(is_broken=False) from None
        except frames.FrameError:
            raise TalkOver(is_broken=True) from None

    async def _read(self, wanted: int) -> bytes:
        received = self._received
        while len(received) < wanted:
            received += await self._receiving.receive(_CHUNK_BYTES)
        data = bytes(memoryview(received)[:wanted])
        del received[:wanted]
        return data
