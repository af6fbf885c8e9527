"""Resources: stored pictures by id."""

from collections.abc import Iterable
from typing import Any

from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.types import InputRequiredResult
from pydantic import AnyUrl

from mcp_relight.errors import ImageNotFound
from mcp_relight.service.opener import Opener

_JPEG_MAGIC = b"\xff\xd8\xff"


class RelightServer(MCPServer[Opener]):
    """An MCPServer that says of each picture what it is: a template has one MIME type, pictures
    have two."""

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Opener, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        contents = await super().read_resource(uri, context)
        if isinstance(contents, InputRequiredResult):
            return contents
        return [_with_own_type(item) for item in contents]


def add_resources(server: RelightServer, opener: Opener) -> None:
    @server.resource(
        "relight://images/{image_id}",
        title="A stored picture",
        description="The bytes of a picture that was taken in or made here.",
        mime_type="image/png",
    )
    async def image(image_id: str) -> bytes:  # pyright: ignore[reportUnusedFunction]
        try:
            return await (await opener.service()).read_image(image_id)
        except ImageNotFound as error:
            raise ResourceNotFoundError(error.message) from None


def _with_own_type(item: ReadResourceContents) -> ReadResourceContents:
    if isinstance(item.content, bytes) and item.content.startswith(_JPEG_MAGIC):
        return ReadResourceContents(item.content, "image/jpeg", item.meta)
    return item
