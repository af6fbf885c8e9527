"""A tool whose arguments are one flat class, checked by us.

The SDK's own checking ignores unknown names, echoes values and hides the errors' next step.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, InputRequiredResult, ToolAnnotations
from pydantic import BaseModel

from mcp_relight import metrics
from mcp_relight.domain.arguments import Arguments
from mcp_relight.errors import Internal, ModelNotReady, NotGranted, RelightError
from mcp_relight.service.handle import ServiceHandle

from .replies import refused
from .schema import bare_schema, flat_schema, written_schema
from .step_up import say_wanting
from .where_keys_go import with_a_way

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
            metrics.count_call(self.name, outcome, time.monotonic() - began)


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
