"""A service that is opened when it is first needed: starting must cost nothing."""

from typing import Protocol

from .service import Service


class Opener(Protocol):
    async def service(self) -> Service:
        """The one service of this process; opened by the first call."""
        ...

    async def resume(self) -> None:
        """Have somebody look at jobs an earlier process left unfinished."""
        ...

    async def aclose(self) -> None: ...
