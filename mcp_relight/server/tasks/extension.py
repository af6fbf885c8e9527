"""The Tasks extension (`io.modelcontextprotocol/tasks`, SEP-2663): methods, headers, envelopes.

For 2026-07-28 clients that declared it; everybody else gets results as they are. The SDK has no
Tasks of its own yet; this package is meant to be replaced when it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ElicitRequest,
    RequestParams,
)
from pydantic import Field

EXTENSION = "io.modelcontextprotocol/tasks"
VERSIONS = frozenset({"2026-07-28"})

TaskStatus = Literal["working", "input_required", "completed", "failed", "cancelled"]

_TTL_MS = 30 * 86_400_000
"""Ended jobs are kept for 30 days."""
_POLL_MS = 1_000
_HEADER_MISMATCH = -32020
_INVALID_PARAMS = -32602


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as `tasks/get` shows it."""

    task_id: str
    status: TaskStatus
    created_at: str
    updated_at: str
    message: str = ""
    result: CallToolResult | None = None
    error: dict[str, Any] | None = None
    questions: dict[str, ElicitRequest] = field(default_factory=dict[str, ElicitRequest])

    def summary(self) -> dict[str, Any]:
        """The fields every form of a task carries."""
        facts: dict[str, Any] = {
            "taskId": self.task_id,
            "status": self.status,
            "createdAt": self.created_at,
            "lastUpdatedAt": self.updated_at,
            "ttlMs": _TTL_MS,
            "pollIntervalMs": _POLL_MS,
        }
        return facts | ({"statusMessage": self.message} if self.message else {})

    def details(self) -> dict[str, Any]:
        """The summary, and what the status calls for."""
        facts = self.summary()
        if self.status == "completed" and self.result is not None:
            facts["result"] = _wire(self.result)
        if self.status == "failed":
            facts["error"] = self.error
        if self.status == "input_required":
            facts["inputRequests"] = {key: _wire(one) for key, one in self.questions.items()}
        return facts


class TaskSource(Protocol):
    """Something whose work can be shown as tasks."""

    async def take(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> Task | HandlerResult:
        """Carry the call out; a Task where it goes on. Only for clients that know tasks."""
        ...

    async def find(self, task_id: str) -> Task | None:
        """None for an id that is not of this source."""
        ...

    async def answer(self, task_id: str, responses: dict[str, Any]) -> None:
        """Take a person's answers. Unknown keys are ignored."""
        ...

    async def cancel(self, task_id: str) -> None:
        """Idempotent."""
        ...


class TaskParams(RequestParams):
    task_id: str


class TaskUpdateParams(TaskParams):
    input_responses: dict[str, Any] = Field(default_factory=dict[str, Any])


class Tasks(Extension):
    """The protocol's half: methods, headers, envelopes."""

    identifier = EXTENSION

    def __init__(self, sources: Sequence[TaskSource]) -> None:
        self.sources = list(sources)

    def methods(self) -> Sequence[MethodBinding]:
        return [
            MethodBinding("tasks/get", TaskParams, self._get, VERSIONS),
            MethodBinding("tasks/update", TaskUpdateParams, self._update, VERSIONS),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, VERSIONS),
        ]

    async def intercept_tool_call(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> HandlerResult:
        if not knows_tasks(ctx):
            return await call_next(ctx)
        for source in reversed(self.sources):
            call_next = _bound(source, params, call_next)
        return await call_next(ctx)

    async def find(self, task_id: str) -> Task | None:
        for source in self.sources:
            if (task := await source.find(task_id)) is not None:
                return task
        return None

    async def _get(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> dict[str, Any]:
        _, task = await self._owner(ctx, params)
        return {"resultType": "complete"} | task.details()

    async def _update(
        self, ctx: ServerRequestContext[Any, Any], params: TaskUpdateParams
    ) -> dict[str, Any]:
        source, task = await self._owner(ctx, params)
        await source.answer(task.task_id, params.input_responses)
        return {"resultType": "complete"}

    async def _cancel(
        self, ctx: ServerRequestContext[Any, Any], params: TaskParams
    ) -> dict[str, Any]:
        source, task = await self._owner(ctx, params)
        await source.cancel(task.task_id)
        return {"resultType": "complete"}

    async def _owner(
        self, ctx: ServerRequestContext[Any, Any], params: TaskParams
    ) -> tuple[TaskSource, Task]:
        require_client_extension(ctx, EXTENSION)
        # The SDK checks Mcp-Name for its own methods only.
        headers = getattr(ctx.request, "headers", None)
        if headers is not None and headers.get("mcp-name") != params.task_id:
            raise MCPError(_HEADER_MISMATCH, "Mcp-Name must be the taskId of the request.")
        for source in self.sources:
            if (task := await source.find(params.task_id)) is not None:
                return source, task
        raise MCPError(_INVALID_PARAMS, "Unknown task.")


def knows_tasks(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Whether the client declared the extension, in the era that has it."""
    capabilities = ctx.session.client_capabilities
    declared = capabilities.extensions if capabilities is not None else None
    return ctx.protocol_version in VERSIONS and EXTENSION in (declared or {})


def _bound(source: TaskSource, params: CallToolRequestParams, call_next: CallNext) -> CallNext:
    async def call(ctx: ServerRequestContext[Any, Any]) -> HandlerResult:
        taken = await source.take(params, ctx, call_next)
        if isinstance(taken, Task):
            return {"resultType": "task"} | taken.summary()
        return taken

    return call


def _wire(value: CallToolResult | ElicitRequest) -> dict[str, Any]:
    return value.model_dump(by_alias=True, mode="json", exclude_none=True)
