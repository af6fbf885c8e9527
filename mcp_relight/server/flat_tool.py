"""A tool whose arguments are one flat class, checked by us; and from what it finds to its answer.

The SDK's own checking ignores unknown names, echoes values and hides the errors' next step.
"""

import base64
import logging
import re
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CallToolResult,
    ContentBlock,
    ImageContent,
    InputRequiredResult,
    ResourceLink,
    TextContent,
    ToolAnnotations,
)
from pydantic import BaseModel

from mcp_relight import telemetry
from mcp_relight.domain.arguments import Arguments
from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.image import URI_PREFIX, Encoded
from mcp_relight.domain.views import ErrorView, ImageView
from mcp_relight.domain.words import json_text
from mcp_relight.errors import Internal, ModelNotReady, NotGranted, RelightError
from mcp_relight.service.handle import ServiceHandle

from .schema import bare_schema, flat_schema, written_schema
from .step_up import say_wanting
from .where_keys_go import with_a_way

_OF_THIS_MACHINE = re.compile(
    r"\b(paths?|folders?|find_images|latest|MCP_RELIGHT_\w+)\b|--allow-dir"
)
_REMOTE_HINT = (
    "Call upload_image to send a picture, or give an https:// or relight://images/ address or a "
    "job_id. What the server itself lacks, its operator can say."
)
ERROR_META, LIGHTING_META = "mcp-relight/error", "mcp-relight/lighting"


def facts_result(
    facts: dict[str, Any],
    *,
    links: tuple[ImageView, ...] = (),
    picture: Encoded | None = None,
    meta: dict[str, Any] | None = None,
) -> CallToolResult:
    """The same facts as text and as structured content: some clients show the model only one."""
    content: list[ContentBlock] = [TextContent(type="text", text=json_text(facts))]
    content += [_link(image) for image in links]
    if picture is not None:
        content.append(_inline(picture))
    return CallToolResult(content=content, structured_content=facts, _meta=meta)


def picture_result(picture: Encoded, line: str) -> CallToolResult:
    """One inline picture and a line; no structured content, which makes clients drop pictures."""
    return CallToolResult(content=[TextContent(type="text", text=line), _inline(picture)])


def refused(error: RelightError) -> CallToolResult:
    """An error the agent can fix: code, message and hint in text and in `_meta`."""
    facts = {"error": _told(ErrorView.of(error)).facts()}
    return CallToolResult(
        is_error=True,
        content=[TextContent(type="text", text=json_text(facts))],
        _meta={ERROR_META: facts["error"]},
    )


def _told(error: ErrorView) -> ErrorView:
    """To other machines no hint speaks of what only this one has."""
    if current_caller().remote and _OF_THIS_MACHINE.search(error.hint or ""):
        return error.model_copy(update={"hint": _REMOTE_HINT})
    return error


def _inline(picture: Encoded) -> ImageContent:
    return ImageContent(
        type="image",
        data=base64.b64encode(picture.data).decode("ascii"),
        mime_type=picture.mime_type,
    )


def _link(image: ImageView) -> ResourceLink:
    return ResourceLink(
        type="resource_link",
        uri=URI_PREFIX + image.image_id,
        name=image.image_id,
        title="Relit picture",
        mime_type=image.mime_type,
        size=image.bytes,
    )


_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from mcp_relight.service.service import Service

Result = CallToolResult | InputRequiredResult
Handler = Callable[["Service", Any, Context[Any]], Awaitable[Result]]
"""What a call does: the service of this process, the checked arguments, the call's context."""


class FlatTool(Tool):
    """See `flat_tool`."""

    arguments: type[Arguments]

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> Any:
        began, outcome = time.monotonic(), "ok"
        try:
            return await self.fn(self.arguments.parse(arguments), context)
        except NotGranted as error:
            say_wanting(error.scope)
            return refused(error)
        except ModelNotReady as error:
            outcome = error.code
            return refused(with_a_way(error, context))
        except RelightError as error:
            outcome = error.code
            return refused(error)
        except (MCPError, ToolError):
            raise
        except Exception:  # noqa: BLE001 - the outermost edge of a call; its text stays in the log
            _log.exception("%s ended by a bug.", self.name)
            outcome = Internal.code
            return refused(Internal("Something unexpected happened in the server."))
        finally:
            telemetry.count_call(self.name, outcome, time.monotonic() - began)


def flat_tool(
    name: str,
    handle: ServiceHandle,
    handler: Handler,
    *,
    title: str,
    description: str,
    arguments: type[Arguments],
    output: type[BaseModel] | None,
    read_only: bool,
    open_world: bool = False,
    idempotent: bool = True,
    described: bool = True,
    meta: dict[str, Any] | None = None,
) -> FlatTool:
    """`handler` as a tool. The service is opened by the first call whose arguments are sound."""

    async def run(sound: Arguments, context: Context[Any]) -> Result:
        handle.expect(sound)
        return await handler(await handle.service(), sound, context)

    return FlatTool(
        fn=run,
        name=name,
        title=title,
        description=description,
        arguments=arguments,
        parameters=written_schema(arguments) or flat_schema(arguments, described=described),
        fn_metadata=_metadata(output),
        is_async=True,
        context_kwarg=None,
        annotations=ToolAnnotations(
            title=title,
            read_only_hint=read_only,
            destructive_hint=False,
            idempotent_hint=idempotent,
            open_world_hint=open_world,
        ),
        meta=meta,
    )


@cache
def _metadata(output: type[BaseModel] | None) -> FuncMetadata:
    """Publishes the output's schema; several tools share one output."""
    written = None if output is None else written_schema(output)
    metadata = FuncMetadata(arg_model=ArgModelBase, output_model=output, output_schema=written)
    if written is None and metadata.output_schema is not None:
        metadata.output_schema = bare_schema(metadata.output_schema)
    return metadata
