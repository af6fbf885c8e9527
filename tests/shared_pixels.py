"""One pair of pixel children for all servers inside a test process.

They are real and as the product starts them; only their start, a second of work each, is not paid
by every test anew, nor is looking at a picture that another test has shown them already: what they
paint is painted every time. Servers that are processes of their own have their own, as have the
tests of the children themselves.
"""

import asyncio
import hashlib
import pickle
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from mcp_relight.domain.image import RenderResult, RenderTask
from mcp_relight.domain.lighting import Lighting
from mcp_relight.pixels.client import PixelChild

_NO_LIGHT = Lighting(lights=())


class SharedPixels:
    """`domain.ports.Pixels` for any event loop: the children belong to the portal's."""

    def __init__(self, portal: BlockingPortal, child: PixelChild) -> None:
        self._portal = portal
        self._child = child
        self._shapes: dict[RenderTask, bytes] = {}
        self._seen: dict[bytes, Any] = {}

    async def render(self, task: RenderTask) -> RenderResult:
        """As if nobody had seen the picture: with the analysis, unless the task brought one."""
        pictures = replace(task, lighting=_NO_LIGHT)
        shape = None if task.analysis else self._shapes.get(pictures)
        result = await self._asked("render")(replace(task, analysis=task.analysis or shape))
        if shape is not None:
            return replace(result, analysis=shape)
        if task.analysis is None and result.analysis is not None:
            self._shapes[pictures] = result.analysis
        return result

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        return self._once(name) if name in {"analyze", "middle", "report"} else self._asked(name)

    def _once(self, name: str) -> Callable[..., Awaitable[Any]]:
        """For what follows from the arguments alone."""

        async def looked(*arguments: Any, **named: Any) -> Any:
            about = hashlib.sha256(pickle.dumps((name, arguments, named))).digest()
            if about not in self._seen:
                self._seen[about] = await self._asked(name)(*arguments, **named)
            return self._seen[about]

        return looked

    def _asked(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._child, name)

        async def asked(*arguments: Any, **named: Any) -> Any:
            future = self._portal.start_task_soon(lambda: method(*arguments, **named))
            return await asyncio.wrap_future(future)  # cancelled with its caller, as the call is

        return asked


@contextmanager
def shared_pixels() -> Iterator[SharedPixels]:
    with start_blocking_portal("asyncio") as portal:
        child = portal.call(lambda: PixelChild(at_once=2, with_engine=True))
        try:
            yield SharedPixels(portal, child)
        finally:
            portal.call(child.aclose)
