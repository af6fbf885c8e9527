"""The child as an operating system process: started, asked one thing at a time, killed; and how it
is asked, over whatever streams lead there."""

from typing import Any, Protocol, Self, cast

import anyio
import anyio.to_thread
from anyio.abc import ByteReceiveStream, ByteSendStream, Process, UNIXSocketStream

from mcp_relight.errors import EngineCrashed

from . import frames, launch
from .frames import IDLE_EXIT_CODE

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


_START_LIMIT_S = 60.0
"""A first start compiles numpy and OpenCV's bindings."""


class ChildGone(Exception):
    """The child ended before it answered. `left_idle`: of its own accord, having lost nothing."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"the pixel child ended with {exit_code}")
        self.left_idle = exit_code == IDLE_EXIT_CODE


class _Process(Protocol):
    """What anyio's `Process` has and we use."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def kill(self) -> None: ...

    async def wait(self) -> int: ...

    async def aclose(self) -> None: ...


class _Adopted:
    """A child that was started before there was an event loop, as a `_Process`."""

    def __init__(self, early: launch.Early, stream: UNIXSocketStream) -> None:
        self._process = early.process
        self._stream = stream
        self.pid = early.process.pid
        self.kill = early.process.kill

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    async def wait(self) -> int:
        return await anyio.to_thread.run_sync(self._process.wait, abandon_on_cancel=True)

    async def aclose(self) -> None:
        await anyio.aclose_forcefully(self._stream)
        await self.wait()


class ChildProcess:
    """One running child. Use `start` or `adopt`; end it with `kill`."""

    def __init__(self, process: _Process, talk: Talk) -> None:
        self._process = process
        self._talk = talk
        self.is_ready = False

    @classmethod
    async def start(cls, idle_s: float, *, with_engine: bool) -> Self:
        """A child that is about to be ready. Raises OSError."""
        started = list[Process]()  # to a type checker a shield might swallow an error
        with anyio.CancelScope(shield=True):  # half started, nobody could end it
            started.append(
                await anyio.open_process(
                    launch.command(idle_s, with_engine=with_engine),
                    stderr=None,
                    env=launch.environment(),
                )
            )
        (process,) = started
        sending = cast(ByteSendStream, process.stdin)
        return cls(process, Talk(sending, cast(ByteReceiveStream, process.stdout)))

    @classmethod
    async def adopt(cls, early: launch.Early) -> Self:
        """The child that was started early, ready or not."""
        early.line.setblocking(False)
        stream = await UNIXSocketStream.from_socket(early.line)
        return cls(_Adopted(early, stream), Talk(stream, stream))

    async def be_ready(self) -> None:
        """Wait until it says that it is; one that does not is killed. Raises EngineCrashed."""
        if self.is_ready:
            return
        try:
            with anyio.fail_after(_START_LIMIT_S):
                self.is_ready = await self._receive() == {"ready": True}
        except (ChildGone, TimeoutError):
            pass
        finally:
            if not self.is_ready:
                await self.kill()
        if not self.is_ready:
            raise EngineCrashed(
                "The picture engine could not be started.", hint="Run `mcp-relight doctor`."
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    async def exchange(self, request: object) -> Any:
        """Send one frame, receive one. Raises ChildGone."""
        try:
            return await self._talk.exchange(request)
        except TalkOver as over:
            raise await self._gone(over) from None

    async def _receive(self) -> Any:
        try:
            return await self._talk.receive()
        except TalkOver as over:
            raise await self._gone(over) from None

    async def _gone(self, over: TalkOver) -> ChildGone:
        return ChildGone(0 if over.is_broken else await self._exit_code())

    async def _exit_code(self) -> int:
        """A child that closed its pipes is as good as gone: do not wait for it for long."""
        with anyio.move_on_after(1):
            return await self._process.wait()
        return 0

    async def kill(self) -> None:
        """End it at once and wait until it is gone, cancelled or not."""
        with anyio.CancelScope(shield=True):
            if self.is_running:
                self._process.kill()
            await self._process.aclose()
