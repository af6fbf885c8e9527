"""Work the suite wants to see as tasks, through the same Tasks extension that shows our jobs."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import anyio
from anyio.abc import TaskGroup
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer, require_client_extension
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolRequestParams, CallToolResult, ElicitRequest, InputRequiredResult

from mcp_relight.server.tasks.extension import EXTENSION, Task
from tests.conformance.fixture_content import text
from tests.conformance.fixture_input import filled_in, form

BACKGROUND = {"slow_compute", "failing_job", "protocol_error_job"}
QUESTIONS: dict[str, dict[str, ElicitRequest]] = {
    "confirm_delete": {"confirm": form("Delete it?", confirm={"type": "boolean"})},
    "multi_input": {
        "first": form("First?", name={"type": "string"}),
        "second": form("Second?", name={"type": "string"}),
    },
}
_ENDED = {"completed", "failed", "cancelled"}


async def greet(name: str) -> str:
    """Says hello."""
    return f"Hello, {name}!"


async def slow_compute(seconds: float = 0, label: str = "") -> str:
    """Takes its time."""
    await anyio.sleep(seconds)
    return f"Computed {label} in {seconds} s."


async def failing_job(ctx: Context) -> str:
    """Fails after a second; only as a task."""
    require_client_extension(ctx.request_context, EXTENSION)
    await anyio.sleep(1)
    raise ToolError("This job intentionally fails.")


async def protocol_error_job() -> str:
    """Ends in a protocol error."""
    raise MCPError(-32603, "This job intentionally breaks.")


async def confirm_delete(filename: str = "") -> str:
    """Asks before it deletes nothing."""
    return f"Deleted {filename}."


async def multi_input() -> str:
    """Asks two things."""
    return "Both answered."


async def test_tool_with_task(ctx: Context) -> str | InputRequiredResult:
    """Asks first, then goes on as a task."""
    name = filled_in(ctx, "user_name", "name")
    if name is None:
        question = form("What is your name?", name={"type": "string"})
        return InputRequiredResult(input_requests={"user_name": question})
    return f"Hello, {name}!"


TOOLS = (
    greet,
    slow_compute,
    failing_job,
    protocol_error_job,
    confirm_delete,
    multi_input,
    test_tool_with_task,
)


@dataclass
class _Work:
    task: Task
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class FixtureTasks:
    """`TaskSource` in memory."""

    def __init__(self, group: TaskGroup) -> None:
        self._group = group
        self._work: dict[str, _Work] = {}

    async def take(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> Task | HandlerResult:
        if params.name in BACKGROUND:
            work = self._open()
            self._group.start_soon(self._carry_out, work, ctx, call_next)
            return work.task
        if params.name in QUESTIONS:
            work = self._open()
            work.task = replace(
                work.task, status="input_required", questions=QUESTIONS[params.name]
            )
            return work.task
        result = await call_next(ctx)
        if params.name == "test_tool_with_task" and isinstance(result, CallToolResult):
            work = self._open()
            started = work.task
            self._end(work, status="completed", result=result)
            return started
        return result

    async def find(self, task_id: str) -> Task | None:
        work = self._work.get(task_id)
        return work.task if work is not None else None

    async def answer(self, task_id: str, responses: dict[str, Any]) -> None:
        work = self._work[task_id]
        open_now = {key: one for key, one in work.task.questions.items() if key not in responses}
        work.task = replace(work.task, questions=open_now)
        if not open_now and work.task.status == "input_required":
            self._end(work, status="completed", result=CallToolResult(content=[text("Done.")]))

    async def cancel(self, task_id: str) -> None:
        work = self._work[task_id]
        self._end(work, status="cancelled")
        work.scope.cancel()

    def _open(self) -> _Work:
        now = datetime.now(UTC).isoformat()
        task_id = "fixture_" + secrets.token_hex(8)
        work = _Work(Task(task_id=task_id, status="working", created_at=now, updated_at=now))
        self._work[task_id] = work
        return work

    def _end(self, work: _Work, **changes: Any) -> None:
        if work.task.status not in _ENDED:
            work.task = replace(work.task, updated_at=datetime.now(UTC).isoformat(), **changes)

    async def _carry_out(
        self, work: _Work, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> None:
        with work.scope:
            try:
                result = await call_next(ctx)
            except MCPError as error:
                problem = {"code": error.code, "message": error.message}
                self._end(work, status="failed", error=problem)
                return
            assert isinstance(result, CallToolResult)
            self._end(work, status="completed", result=result)


def add_task_tools(server: MCPServer[Any]) -> None:
    for tool in TOOLS:
        server.add_tool(tool, structured_output=False)
