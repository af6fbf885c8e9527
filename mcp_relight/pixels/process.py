"""The child as an operating system process: started, asked one thing at a time, killed."""

import os
import socket
import sys
from typing import Any, Self, cast

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process

from mcp_relight.errors import EngineCrashed

from . import frames
from .frames import IDLE_EXIT_CODE
from .talk import Talk, TalkOver

_START_LIMIT_S = 60.0
"""A first start compiles numpy and OpenCV's bindings."""

_INHERITED = (
    "PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "LANG",
)
"""All of our environment that the child gets: no keys."""

_ONE_THREAD = {
    # Further threads cost address space and make results depend on the machine.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class ChildGone(Exception):
    """The child ended before it answered. `left_idle`: of its own accord, having lost nothing."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"the pixel child ended with {exit_code}")
        self.left_idle = exit_code == IDLE_EXIT_CODE


class ChildProcess:
    """One running child. Use `start`; end it with `kill`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._talk = Talk(
            cast(ByteSendStream, process.stdin), cast(ByteReceiveStream, process.stdout)
        )
        self.is_ready = False

    @classmethod
    async def start(
        cls, idle_s: float, *, with_engine: bool, guest: socket.socket | None = None
    ) -> Self:
        """A child that is about to be ready. `guest` is a line on which another process may ask it
        until this one does. Raises OSError."""
        # -P: the working folder may hold downloads, and is no place to import from.
        command = [sys.executable, "-P", "-m", "mcp_relight.pixels.child", str(idle_s)]
        command += [frames.ENGINE] if with_engine else []
        command += [] if guest is None else [f"{frames.GUEST}{guest.fileno()}"]
        started = list[Process]()  # to a type checker a shield might swallow an error
        with anyio.CancelScope(shield=True):  # half started, nobody could end it
            started.append(
                await anyio.open_process(
                    command,
                    stderr=None,
                    env=_environment(),
                    pass_fds=() if guest is None else (guest.fileno(),),
                )
            )
        return cls(started[0])

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


def _environment() -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | _ONE_THREAD
