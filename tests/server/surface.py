"""The tool surface as a client lists it, without opening a service."""

from contextlib import AbstractAsyncContextManager
from typing import Any, NoReturn
from unittest.mock import Mock, patch

from mcp import Client

from mcp_relight.domain.arguments import Arguments
from mcp_relight.server import flat_tool
from mcp_relight.server.app import ForMany, create_server
from mcp_relight.server.audit import Audit
from mcp_relight.server.flat_tool import FlatTool
from mcp_relight.server.links import Links
from mcp_relight.server.remote import Wire
from mcp_relight.server.schema import name_of
from mcp_relight.server.tools import Tools
from mcp_relight.service.service import Service


class NeverOpened(AbstractAsyncContextManager[Any]):
    """An opener for tests that only list: opening would be a bug."""

    async def service(self) -> Service:
        _unexpected()

    def expect(self, arguments: Arguments) -> None:
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


def derived_schemas() -> dict[str, dict[str, Any]]:
    """Those of every tool's arguments and output, by the names under which they are written."""
    with (
        patch.object(flat_tool, "written_schema", lambda _: None),
        patch.object(flat_tool, "_metadata", flat_tool._metadata.__wrapped__),
    ):
        remote = _for_many().wire.surface(NeverOpened(), flat_tools())
        tools = [*flat_tools(), *(tool for tool in remote if tool.name == "upload_image")]
    found: dict[str, dict[str, Any]] = {}
    for tool in tools:
        found[name_of(tool.arguments)] = tool.parameters
        if (output := tool.fn_metadata.output_schema) is not None:
            found[name_of(tool.fn_metadata.output_model)] = output
    return found


async def listed_tools(*, remote: bool = False) -> list[dict[str, Any]]:
    """As at this machine, or as over HTTP with accounts."""
    server = create_server(NeverOpened(), for_many=_for_many() if remote else None)
    async with Client(server) as client:
        result = await client.list_tools()
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in result.tools]


def _for_many() -> ForMany:
    """Nothing of it is asked for a list of tools."""
    key = "0123456789abcdef0123456789abcdef"
    wire = Wire("http://relight.test", Links("http://relight.test", [key]), None, Mock())
    return ForMany(state_keys=[key], audit=Audit(Mock(), str), wire=wire)
