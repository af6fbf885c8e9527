"""The parent's side of the pixel child: the port `Pixels`.

This file and all it imports stay free of numpy, OpenCV and Pillow: no decoder runs where
the keys and the jobs are.
"""

import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeVar

import anyio
from pydantic import TypeAdapter, ValidationError

from mcp_relight.domain.image import Encoded, Inspected, RenderResult, RenderTask, SheetCell, plain
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.report import LightAnalysis, Report
from mcp_relight.errors import (
    EngineCrashed,
    ImageTooLarge,
    Internal,
    RelightError,
    RequestError,
    TimedOut,
    leaves,
)

from .frames import AHEAD
from .guest import Guest
from .launch import IDLE_S, Early
from .process import ChildGone, ChildProcess

_log = logging.getLogger(__name__)

_DECODE_LIMIT_S = 30.0
_RENDER_LIMIT_S = 120.0

_Answer = TypeVar("_Answer")

_INSPECTED = TypeAdapter(Inspected)
_ENCODED = TypeAdapter(Encoded)
_RENDER_RESULT = TypeAdapter(RenderResult)
_LIGHT_ANALYSIS = TypeAdapter(LightAnalysis)
_REPORT = TypeAdapter(Report)
_TRANSFERRED = TypeAdapter(tuple[Encoded | None, list[str]])
_POINT = TypeAdapter(tuple[float, float])

_ERRORS: dict[str, type[RelightError]] = {error.code: error for error in leaves(RequestError)}
"""What the child may say of a request."""


class PixelChild:
    """Implements `Pixels` with child processes, at most `at_once`: each is started when first
    needed, kept warm, ended when idle for `idle_s`, and does one task at a time; further calls wait
    for their turn.

    `with_engine` is for those who will compute: a child that is first asked to decode is sooner
    ready without. A decode may take `decode_limit_s`, anything longer `render_limit_s`; then the
    child is killed.
    """

    def __init__(
        self,
        *,
        at_once: int = 1,
        idle_s: float = IDLE_S,
        decode_limit_s: float = _DECODE_LIMIT_S,
        render_limit_s: float = _RENDER_LIMIT_S,
        with_engine: bool = False,
    ) -> None:
        self._free = [_Seat(idle_s, with_engine=with_engine) for _ in range(at_once)]
        self._seats = tuple(self._free)
        self._turns = anyio.Semaphore(at_once)
        self._guest: Guest | None = None
        self._computing = 0
        self._decode_limit_s = decode_limit_s
        self._render_limit_s = render_limit_s

    @property
    def pid(self) -> int | None:
        """The process id of the child that is asked next; None while there is none."""
        return self._free[-1].pid if self._free else self._seats[-1].pid

    def visit(self, line: socket.socket) -> None:
        """Have pictures decoded at the other end of `line`, as long as somebody answers there."""
        self._guest = Guest(line)

    @property
    def is_guest(self) -> bool:
        """Whether pictures are decoded elsewhere, as far as anybody knows."""
        return self._guest is not None and not self._guest.is_over

    def adopt(self, early: Early) -> None:
        """Use this child first, which was started before anything else."""
        self._free[-1].early = early

    async def inspect(self, data: bytes) -> Inspected:
        if self._guest is None:
            return await self._decode("inspect", _INSPECTED, data=data)
        found = self._guest.last_look.of(data)
        if found is None:
            found = await self._decode("inspect", _INSPECTED, data=data)
            self._guest.last_look.keep(data, found)
        return found

    async def look_ahead(self, data: bytes) -> None:
        """At a picture that is soon to be inspected here and lit by itself at the host's, if there
        is one. What is wrong with it is left to the inspection."""
        if self._guest is None:
            return
        request = _request("inspect", {"data": data}, self._decode_limit_s) | {AHEAD: True}
        async with self._turns:
            reply = await self._guest.ask(request, self._decode_limit_s)
        with suppress(RelightError):
            if reply is not None:
                self._guest.last_look.keep(data, _read(reply, _INSPECTED))

    async def thumbnail(self, image: bytes, *, max_edge_px: int, max_bytes: int) -> Encoded:
        return await self._decode(
            "thumbnail", _ENCODED, image=image, max_edge_px=max_edge_px, max_bytes=max_bytes
        )

    async def sheet(
        self, cells: Sequence[SheetCell], *, max_edge_px: int, max_bytes: int
    ) -> Encoded:
        return await self._decode(
            "sheet", _ENCODED, cells=list(cells), max_edge_px=max_edge_px, max_bytes=max_bytes
        )

    async def word_card(self, words: str, *, max_bytes: int) -> Encoded:
        return await self._decode("word_card", _ENCODED, words=words, max_bytes=max_bytes)

    async def reencode(self, image: bytes, *, max_edge_px: int | None, mime_type: str) -> Encoded:
        return await self._decode(
            "reencode", _ENCODED, image=image, max_edge_px=max_edge_px, mime_type=mime_type
        )

    async def render(self, task: RenderTask) -> RenderResult:
        # Beside another picture it is one of several, and the next one comes at once.
        beside = self._computing > 0
        return await self._compute("render", _RENDER_RESULT, task=task, more_to_come=beside)

    async def transfer(self, original: bytes, result: bytes) -> tuple[Encoded | None, list[str]]:
        return await self._compute("transfer", _TRANSFERRED, original=original, result=result)

    async def analyze(self, image: bytes, *, mask: bytes | None = None) -> LightAnalysis:
        return await self._compute("analyze", _LIGHT_ANALYSIS, image=image, mask=mask)

    async def middle(self, image: bytes, *, mask: bytes | None = None) -> tuple[float, float]:
        return await self._compute("middle", _POINT, image=image, mask=mask)

    async def report(
        self,
        original: bytes,
        final: bytes,
        lighting: Lighting,
        *,
        returned: bytes | None = None,
        mask: bytes | None = None,
        before: LightAnalysis | None = None,
        target: LightAnalysis | None = None,
    ) -> Report:
        return await self._compute(
            "report",
            _REPORT,
            original=original,
            final=final,
            lighting=lighting,
            returned=returned,
            mask=mask,
            before=before,
            target=target,
        )

    async def warm_up(self) -> None:
        """Start the child now, for a call that is about to come: it says what is wrong, if so, and
        waits for this very child."""
        if self._free:
            with suppress(OSError):
                await self._free[-1].start()

    async def aclose(self) -> None:
        """End the children, whatever they are at."""
        if self._guest is not None:
            await self._guest.aclose()
        for seat in self._seats:
            await seat.aclose()

    async def _decode(
        self, name: str, answer: TypeAdapter[_Answer], /, **arguments: object
    ) -> _Answer:
        request = _request(name, arguments, self._decode_limit_s)
        if self._guest is not None:
            async with self._turns:
                reply = await self._guest.ask(request, self._decode_limit_s)
            if reply is not None:
                return _read(reply, answer)
        return await self._ask(request, answer, self._decode_limit_s)

    async def _compute(
        self, name: str, answer: TypeAdapter[_Answer], /, **arguments: object
    ) -> _Answer:
        request = _request(name, arguments, self._render_limit_s)
        self._computing += 1
        try:
            return await self._ask(request, answer, self._render_limit_s)
        finally:
            self._computing -= 1

    async def _ask(self, request: object, answer: TypeAdapter[_Answer], limit_s: float) -> _Answer:
        async with self._turns:
            seat = self._free.pop()  # the one used last: it is warm
            try:
                reply = await seat.ask(request, limit_s)
            finally:
                self._free.append(seat)
        return _read(reply, answer)


def _request(name: str, arguments: dict[str, object], limit_s: float) -> dict[str, object]:
    return {"task": name, "limit_s": limit_s, "arguments": plain(arguments)}


class _Seat:
    """The place of one child, which comes and goes. The first may have been started early."""

    def __init__(self, idle_s: float, *, with_engine: bool) -> None:
        self._idle_s = idle_s
        self._with_engine = with_engine
        self._child: ChildProcess | None = None
        self.early: Early | None = None
        self._changing = anyio.Lock()

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    async def aclose(self) -> None:
        await self._take_in()
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

    async def _take_in(self) -> None:
        """What was started early is the child here, to be used or to be ended."""
        early, self.early = self.early, None
        if early is not None:
            self._child = await ChildProcess.adopt(early)

    async def ask(self, request: object, limit_s: float) -> Any:
        """Raises EngineCrashed, TimedOut."""
        try:
            return await self._exchange(request, limit_s)
        except ChildGone as gone:
            if not gone.left_idle:
                raise _crashed() from None
            # It left between our calls. The next one has just started and will not.
            return await self._exchange_or_crash(request, limit_s)

    async def _exchange_or_crash(self, request: object, limit_s: float) -> Any:
        try:
            return await self._exchange(request, limit_s)
        except ChildGone:
            raise _crashed() from None

    async def _exchange(self, request: object, limit_s: float) -> Any:
        """Raises ChildGone or TimedOut. Whenever no answer comes, also because the caller was
        cancelled, the child is killed: nobody wants any more what it is at."""
        child = await self.running_child()
        answered = False
        try:
            with anyio.fail_after(limit_s):
                reply = await child.exchange(request)
            answered = True
        except TimeoutError:
            raise TimedOut(
                f"The picture engine did not finish within {limit_s:g} s and was stopped.",
                hint="Try a smaller version of the picture.",
            ) from None
        finally:
            if not answered:
                self._child = None
                await child.kill()
        return reply

    async def start(self) -> None:
        """See to it that there is a child, ready or not. Raises OSError."""
        async with self._changing:
            await self._started()

    async def running_child(self) -> ChildProcess:
        """The child, when it is ready. Raises EngineCrashed."""
        async with self._changing:
            child = await self._started()
            try:
                await child.be_ready()
            finally:
                if not child.is_ready:
                    self._child = None
            return child

    async def _started(self) -> ChildProcess:
        await self._take_in()
        if self._child is not None and not self._child.is_running:
            await self.aclose()
        if self._child is None:
            self._child = await ChildProcess.start(self._idle_s, with_engine=self._with_engine)
        return self._child


def _read(reply: Any, answer: TypeAdapter[_Answer]) -> _Answer:
    match reply:
        case {"result": result}:
            try:
                return answer.validate_python(result)
            except ValidationError:
                raise _crashed() from None
        case {"error": {"code": str(code), "message": str(message), "hint": str(hint), **rest}}:
            kind = _ERRORS.get(code)
            argument = rest.get("argument")
            if kind is None or not (argument is None or isinstance(argument, str)):
                raise _crashed()
            raise kind(message, hint=hint, argument=argument)
        case {"out_of_memory": True}:
            raise ImageTooLarge(
                "Working on the picture needs more memory than the engine may use.",
                hint="Scale it down.",
            )
        case {"bug": str(trace)}:
            _log.error("the picture engine failed: %s", trace)
            raise Internal("The picture engine failed on this picture.")
        case _:
            raise _crashed()


def _crashed() -> EngineCrashed:
    return EngineCrashed(
        "The picture engine stopped unexpectedly; a new one starts with the next call.",
        hint="Call again. If it fails again, export the picture as PNG or JPEG first.",
    )
