"""The Tasks extension (`io.modelcontextprotocol/tasks`, SEP-2663) as a view of the job store.

A call of `relight_image` whose job goes on becomes a task, for 2026-07-28 clients that declared the
extension; everybody else gets the job as it is. A task has the id of its job, so any later process
can answer for it. The one exception is a task that still asks whether money may be spent: no job
exists before the answer, so the question lives in this process and dies with it, unpaid.

The SDK has no Tasks of its own yet; this module is meant to be replaced when it has.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.elicitation import render_elicitation_schema
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import Elicit, require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    RequestParams,
)
from pydantic import Field, ValidationError

from mcp_relight.domain.job import Status
from mcp_relight.domain.queries import GetJobArguments
from mcp_relight.domain.request import RelightArguments
from mcp_relight.domain.views import JobView
from mcp_relight.errors import JobNotFound, RelightError
from mcp_relight.service.opener import Opener
from mcp_relight.service.ordering import Quote

from .consent import Consent, agreed, can_be_asked, cost_question, declined
from .replies import refused
from .tools import Tools

EXTENSION = "io.modelcontextprotocol/tasks"
VERSIONS = frozenset({"2026-07-28"})

TaskStatus = Literal["working", "input_required", "completed", "failed", "cancelled"]

_STATUS: dict[Status, TaskStatus] = {
    "queued": "working",
    "running": "working",
    "succeeded": "completed",
    # A failed job is an ordinary result that says why; `failed` is for protocol errors.
    "failed": "completed",
    # Nothing will happen by itself: the result says what to do.
    "unknown": "completed",
    "cancelled": "cancelled",
}
_TTL_MS = 30 * 86_400_000
"""Ended jobs are kept for 30 days."""
_POLL_MS = 1_000
_HEADER_MISMATCH = -32020
_INVALID_PARAMS = -32602
_COST = "cost"
_MAX_QUESTIONS = 200


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


@dataclass(slots=True)
class _Question:
    """A request that waits for a person to agree to its cost."""

    arguments: RelightArguments
    quote: Quote
    asked_at: str
    refusal: RelightError | None = None
    job_id: str | None = None
    is_cancelled: bool = False

    @property
    def is_open(self) -> bool:
        return self.refusal is None and self.job_id is None and not self.is_cancelled


class JobTasks:
    """`TaskSource` over the job store."""

    def __init__(self, opener: Opener, tools: Tools) -> None:
        self._opener = opener
        self._tools = tools
        self._questions: dict[str, _Question] = {}

    async def take(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> Task | HandlerResult:
        if params.name != "relight_image":
            return await call_next(ctx)
        question = None
        if can_be_asked(ctx.session.client_capabilities):
            question = await self._question(params.arguments or {})
        if question is not None:
            return await self._ask(question)
        result = await call_next(ctx)
        job_id = _unfinished_job(result)
        return result if job_id is None else await self._task_of(job_id, job_id)

    async def find(self, task_id: str) -> Task | None:
        question = self._questions.get(task_id)
        if question is None:
            return await self._find_job(task_id)
        if question.job_id is not None:
            return await self._task_of(task_id, question.job_id)
        return _task_of_question(task_id, question)

    async def answer(self, task_id: str, responses: dict[str, Any]) -> None:
        question = self._questions.get(task_id)
        if question is None or not question.is_open or _COST not in responses:
            return
        try:
            if not _says_yes(responses[_COST]):
                raise declined()
            arguments = agreed(question.arguments, question.quote)
            service = await self._opener.service()
            view = await service.relight(arguments.model_copy(update={"wait_s": 0}))
            question.job_id = view.job_id
        except RelightError as error:
            question.refusal = error

    async def cancel(self, task_id: str) -> None:
        question = self._questions.get(task_id)
        if question is not None and question.job_id is None:
            question.is_cancelled = question.is_open
            return
        job_id = question.job_id if question is not None else task_id
        await (await self._opener.service()).cancel_job(job_id or task_id)

    async def _question(self, arguments: dict[str, Any]) -> _Question | None:
        try:
            request = RelightArguments.parse(arguments)
            quote = await (await self._opener.service()).quote(request)
        except RelightError:
            # The tool itself says so, in its own words.
            return None
        return None if quote is None else _Question(request, quote, _now())

    async def _ask(self, question: _Question) -> Task:
        task_id = "ask_" + secrets.token_hex(16)
        while len(self._questions) >= _MAX_QUESTIONS:
            del self._questions[next(iter(self._questions))]
        self._questions[task_id] = question
        return _task_of_question(task_id, question)

    async def _find_job(self, job_id: str) -> Task | None:
        try:
            return await self._task_of(job_id, job_id)
        except JobNotFound:
            return None

    async def _task_of(self, task_id: str, job_id: str) -> Task:
        arguments = GetJobArguments.parse({"job_id": job_id, "wait_s": 0})
        view = await (await self._opener.service()).get_job(arguments)
        status = _STATUS[view.status]
        return Task(
            task_id=task_id,
            status=status,
            created_at=view.created_at,
            updated_at=view.updated_at,
            message=_message(view),
            result=await self._tools.job_result(view, preview=False)
            if status == "completed"
            else None,
        )


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


def _unfinished_job(result: HandlerResult) -> str | None:
    if not isinstance(result, CallToolResult) or result.is_error:
        return None
    job: dict[str, Any] = result.structured_content or {}
    return str(job["job_id"]) if _STATUS[job["status"]] == "working" else None


def _task_of_question(task_id: str, question: _Question) -> Task:
    status: TaskStatus = "input_required"
    if question.is_cancelled:
        status = "cancelled"
    elif question.refusal is not None:
        status = "completed"
    return Task(
        task_id=task_id,
        status=status,
        created_at=question.asked_at,
        updated_at=question.asked_at,
        message="Waiting for somebody to agree to the cost." if question.is_open else "",
        result=refused(question.refusal) if question.refusal is not None else None,
        questions={_COST: form(cost_question(question.quote))},
    )


def form(question: Elicit[Any]) -> ElicitRequest:
    """A question as the request a client shows."""
    return ElicitRequest(
        params=ElicitRequestFormParams(
            message=question.message,
            requested_schema=render_elicitation_schema(question.schema),
        )
    )


def _says_yes(response: Any) -> bool:
    try:
        answer = ElicitResult.model_validate(response)
        return answer.action == "accept" and Consent.model_validate(answer.content).confirm
    except ValidationError:
        return False


def _message(view: JobView) -> str:
    return f"{view.job_id}: {view.stage}, {view.progress:.0%}"


def _wire(value: CallToolResult | ElicitRequest) -> dict[str, Any]:
    return value.model_dump(by_alias=True, mode="json", exclude_none=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
