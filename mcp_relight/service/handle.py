"""A service that is opened when it is first needed: starting must cost nothing."""

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mcp_relight.domain.arguments import Arguments

    from .service import Service


class ServiceHandle(AbstractAsyncContextManager[Any], Protocol):
    """Entered for as long as a process serves."""

    async def service(self) -> "Service":
        """The one service of this process; opened by the first call."""
        ...

    def expect(self, arguments: "Arguments") -> None:
        """Say what the call is about that will ask for the service next."""
        ...

    @property
    def opened(self) -> "Service | None":
        """The service if some call has already opened it."""
        ...

    async def resume(self) -> None:
        """Have somebody look at jobs an earlier process left unfinished."""
        ...
