"""One pair of pixel children for all servers inside a test process.

They are real and as the product starts them; only their start, a second of work each, is not paid
by every test anew. Servers that are processes of their own have their own, as have the tests of
the children themselves.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from mcp_relight.pixels.client import PixelChild


class SharedPixels:
    """`domain.ports.Pixels` for any event loop: the children belong to the portal's."""

    def __init__(self, portal: BlockingPortal, child: PixelChild) -> None:
        self._portal = portal
        self._child = child

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
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
