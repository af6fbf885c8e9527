"""The SDK's server; ours refuses unknown names itself, and lists the newest pictures."""

from collections.abc import Iterable
from typing import Any

from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, GetPromptResult, InputRequiredResult
from mcp.types import Resource as ListedResource
from pydantic import AnyUrl

from mcp_relight.domain.image import URI_PREFIX
from mcp_relight.domain.job import Job
from mcp_relight.errors import (
    InvalidArgument,
)
from mcp_relight.service.handle import ServiceHandle
from mcp_relight.service.showing import iso

from .audit import Audit
from .flat_tool import refused
from .tasks.extension import Tasks

UNKNOWN_TOOL = "-"
"""In the audit trail: names that callers make up are not kept."""
_JPEG_MAGIC = b"\xff\xd8\xff"
_LISTED_JOBS = 20


class RelightServer(MCPServer[ServiceHandle]):
    """An MCPServer that lists the newest pictures, and says of each picture what it is: a template
    has one MIME type, pictures have two. It refuses unknown names before the SDK would, which
    repeats them to the model."""

    def __init__(
        self,
        name: str,
        handle: ServiceHandle,
        tasks: Tasks,
        *,
        audit: Audit | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(name, **settings)
        self._audit = audit
        self._names: frozenset[str] | None = None
        self.tasks = tasks
        self._handle = handle

    def end_waits(self) -> None:
        """This process is about to end: what waits for a job is answered as it stands."""
        if (service := self._handle.opened) is not None:
            service.end_waits()

    async def call_tool(
        self,
        name: str,
        arguments: dict[str, Any],
        context: Context[ServiceHandle, Any] | None = None,
    ) -> CallToolResult | InputRequiredResult:
        if self._names is None:  # they stay as they are
            self._names = frozenset(tool.name for tool in await self.list_tools())
        if name not in self._names:
            name = UNKNOWN_TOOL
            result = refused(
                InvalidArgument("No tool of that name.", hint="tools/list names them all.")
            )
        else:
            result = await super().call_tool(name, arguments, context)
        if self._audit is not None:
            self._audit.note(name, result)
        return result

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[ServiceHandle, Any] | None = None,
    ) -> GetPromptResult | InputRequiredResult:
        prompts = {prompt.name: prompt for prompt in await self.list_prompts()}
        if name not in prompts:
            raise MCPError(INVALID_PARAMS, "No prompt of that name. prompts/list names them all.")
        known = prompts[name].arguments or ()
        given = arguments or {}
        missing = [one.name for one in known if one.required and one.name not in given]
        if missing or not given.keys() <= {one.name for one in known}:
            needed = f"{missing[0]} is required." if missing else "An argument is not known."
            names = ", ".join(one.name for one in known)
            raise MCPError(INVALID_PARAMS, f"{needed} This prompt takes: {names}.")
        return await super().get_prompt(name, arguments, context)

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[ServiceHandle, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        contents = await super().read_resource(uri, context)
        if isinstance(contents, InputRequiredResult):
            return contents
        return [_with_own_type(item) for item in contents]

    async def list_resources(self) -> list[ListedResource]:
        return [*await super().list_resources(), *await self._newest_pictures()]

    async def _newest_pictures(self) -> list[ListedResource]:
        service = self._handle.opened
        if service is None:
            # Clients list at the start, and starting must cost nothing.
            return []
        newest = await service.newest(status="succeeded", limit=_LISTED_JOBS)
        titles = {image_id: _title_of(job) for job in reversed(newest) for image_id in job.images}
        return [
            ListedResource(uri=URI_PREFIX + image_id, name=image_id, title=title)
            for image_id, title in reversed(titles.items())
        ]


def _title_of(job: Job) -> str:
    return f"{job.request.lighting.look or 'Relit'} · {job.model} · {iso(job.created_at)}"


def _with_own_type(item: ReadResourceContents) -> ReadResourceContents:
    if isinstance(item.content, bytes) and item.content.startswith(_JPEG_MAGIC):
        return ReadResourceContents(item.content, "image/jpeg", item.meta)
    return item
