"""The port to the child process: one warm child, one task at a time, a new child after a death."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import anyio
from anyio.abc import Process

from mcp_relight import errors
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.pixels import (
    Encoded,
    Inspected,
    RenderResult,
    RenderTask,
    SheetCell,
)
from mcp_relight.domain.report import LightAnalysis, Report
from mcp_relight.errors import EngineCrashed, RelightError, TimedOut

from .frames import LENGTH, MAX_HEADER_BYTES, Frame, FrameError, pack, unpack_header

COMMAND = (sys.executable, "-P", "-m", "mcp_relight.pixels.child")
LOOK_S = 30.0
"""Wall time for a task that only looks at a picture."""
WORK_S = 120.0
IDLE_S = 60.0

_PASSED_ON = {"PATH", "PYTHONPATH", "SYSTEMROOT", "LANG", "LC_ALL", "TEMP", "TMP", "HOME"}
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_ERRORS = {
    leaf.code: leaf for leaf in errors.leaves() if not issubclass(leaf, errors.ProviderError)
}
_DEATHS = (
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    FrameError,
    OSError,
)
_RENDER_BLOBS = ("image", "mask", "normal_map", "depth_map", "analysis")


class PixelChild:
    """`domain.ports.Pixels`. Starts its child with the first task and ends it when idle."""

    def __init__(self, *, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._lock = anyio.Lock()
        self._process: Process | None = None
        self._retirement: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """Of the living child, if there is one."""
        return None if self._process is None else self._process.pid

    async def inspect(self, data: bytes) -> Inspected:
        reply = await self._ask("inspect", {}, {"image": data}, LOOK_S)
        facts = reply.facts
        return Inspected(
            data=reply.blobs["image"],
            mime_type=facts["mime_type"],
            width=facts["width"],
            height=facts["height"],
            has_alpha=facts["has_alpha"],
            warnings=tuple(facts["warnings"]),
        )

    async def thumbnail(self, image: bytes, *, max_edge_px: int, max_bytes: int) -> Encoded:
        facts = {"max_edge_px": max_edge_px, "max_bytes": max_bytes}
        return _encoded(await self._ask("thumbnail", facts, {"image": image}, LOOK_S))

    async def sheet(
        self, cells: Sequence[SheetCell], *, max_edge_px: int, max_bytes: int
    ) -> Encoded:
        facts = {
            "labels": [cell.label for cell in cells],
            "max_edge_px": max_edge_px,
            "max_bytes": max_bytes,
        }
        blobs = {f"cell{index}": cell.image for index, cell in enumerate(cells)}
        return _encoded(await self._ask("sheet", facts, blobs, WORK_S))

    async def reencode(self, image: bytes, *, max_edge_px: int | None, mime_type: str) -> Encoded:
        facts = {"max_edge_px": max_edge_px, "mime_type": mime_type}
        return _encoded(await self._ask("reencode", facts, {"image": image}, LOOK_S))

    async def render(self, task: RenderTask) -> RenderResult:
        facts = {name: value for name, value in _fields(task).items() if name not in _RENDER_BLOBS}
        facts["lighting"] = task.lighting.model_dump(mode="json")
        blobs = {name: data for name in _RENDER_BLOBS if (data := getattr(task, name)) is not None}
        reply = await self._ask("render", facts, blobs, WORK_S)
        return RenderResult(
            picture=_encoded(reply),
            mode=reply.facts["mode"],
            confidence=reply.facts["confidence"],
            warnings=tuple(reply.facts["warnings"]),
            analysis=reply.blobs.get("analysis"),
            timings_s=reply.facts["timings_s"],
        )

    async def analyze(self, image: bytes, *, mask: bytes | None = None) -> LightAnalysis:
        blobs = {"image": image} | ({"mask": mask} if mask is not None else {})
        reply = await self._ask("analyze", {}, blobs, WORK_S)
        return LightAnalysis.model_validate(reply.facts["light"])

    async def report(
        self, original: bytes, final: bytes, lighting: Lighting, *, returned: bytes | None = None
    ) -> Report:
        blobs = {"original": original, "final": final}
        if returned is not None:
            blobs["returned"] = returned
        facts = {"lighting": lighting.model_dump(mode="json")}
        reply = await self._ask("report", facts, blobs, WORK_S)
        return Report.model_validate(reply.facts["report"])

    async def transfer(self, original: bytes, result: bytes) -> tuple[Encoded | None, list[str]]:
        blobs = {"original": original, "result": result}
        reply = await self._ask("transfer", {}, blobs, WORK_S)
        picture = _encoded(reply) if "image" in reply.blobs else None
        return picture, reply.facts["warnings"]

    async def aclose(self) -> None:
        async with self._lock:
            await self._end()

    async def _ask(
        self, task: str, facts: Mapping[str, Any], blobs: Mapping[str, bytes], limit_s: float
    ) -> Frame:
        async with self._lock:
            self._keep()
            try:
                with anyio.fail_after(limit_s):
                    reply = await self._exchange(Frame({"task": task, **facts}, blobs))
            except TimeoutError:
                await self._end()
                raise TimedOut(
                    f"The picture took longer than {limit_s:.0f} seconds.",
                    hint="Try a smaller picture.",
                ) from None
            except _DEATHS:
                await self._end()
                raise EngineCrashed(
                    "The picture process ended unexpectedly.",
                    hint="Call again; if it happens twice, export the picture anew.",
                ) from None
            except BaseException:
                # Cancelled in the middle of a task: this child's pipes are out of step.
                await self._end()
                raise
            self._retire_later()
        failure = reply.facts.get("error")
        if failure is not None:
            raise _error(failure)
        return reply

    async def _exchange(self, frame: Frame) -> Frame:
        process = await self._living()
        if process.stdin is None:
            raise FrameError("no pipe")
        # The child reads a whole frame before it writes one, so neither waits for a full pipe.
        for piece in pack(frame):
            await process.stdin.send(piece)
        return await self._receive(process)

    async def _receive(self, process: Process) -> Frame:
        reader = _Reader(process)
        (size,) = LENGTH.unpack(await reader.exactly(LENGTH.size))
        if size > MAX_HEADER_BYTES:
            raise FrameError("oversized header")
        facts, named = unpack_header(await reader.exactly(size))
        return Frame(facts, {name: await reader.exactly(count) for name, count in named})

    async def _living(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            environment = {k: v for k, v in os.environ.items() if k in _PASSED_ON} | _ONE_THREAD
            self._process = await anyio.open_process(COMMAND, stderr=None, env=environment)
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.aclose()

    def _keep(self) -> None:
        if self._retirement is not None:
            self._retirement.cancel()
            self._retirement = None

    def _retire_later(self) -> None:
        process = self._process
        if process is not None:
            loop = asyncio.get_running_loop()
            self._retirement = loop.call_later(self._idle_s, _kill_idle, process)


class _Reader:
    """Exact reads from the child's stdout."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._rest = b""

    async def exactly(self, count: int) -> bytes:
        stdout = self._process.stdout
        if stdout is None:
            raise FrameError("no pipe")
        pieces, have = [self._rest], len(self._rest)
        while have < count:
            piece = await stdout.receive(1 << 20)
            pieces.append(piece)
            have += len(piece)
        data = b"".join(pieces)
        self._rest = data[count:]
        return data[:count]


def _kill_idle(process: Process) -> None:
    if process.returncode is None:
        process.kill()


def _fields(task: RenderTask) -> dict[str, Any]:
    return {name: getattr(task, name) for name in task.__dataclass_fields__}


def _encoded(reply: Frame) -> Encoded:
    return Encoded(
        data=reply.blobs["image"],
        mime_type=reply.facts["mime_type"],
        width=reply.facts["width"],
        height=reply.facts["height"],
    )


def _error(failure: Mapping[str, str]) -> RelightError:
    kind = _ERRORS.get(failure["code"], errors.Internal)
    return kind(failure["message"], hint=failure["hint"])
