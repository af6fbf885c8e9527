"""The tool surface as a client lists it, without opening a service."""

from contextlib import AbstractAsyncContextManager
from typing import Any, NoReturn

from mcp import Client

from mcp_relight.server.app import create_server
from mcp_relight.server.flat_tool import FlatTool
from mcp_relight.server.tools import Tools
from mcp_relight.service.service import Service


class NeverOpened(AbstractAsyncContextManager[Any]):
    """An opener for tests that only list: opening would be a bug."""

    async def service(self) -> Service:
        _unexpected()

    @property
    def opened(self) -> Service | None:
        return None

    async def resume(self) -> None:
        return

    async def __aexit__(self, *details: object) -> None:
        return


def _unexpected() -> NoReturn:
    raise AssertionError("listing must not open the service")


def flat_tools() -> list[FlatTool]:
    """Every tool with the class of its arguments."""
    return Tools(NeverOpened(), resource_links=True).all()


async def listed_tools() -> list[dict[str, Any]]:
    async with Client(create_server(NeverOpened())) as client:
        result = await client.list_tools()
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in result.tools]
