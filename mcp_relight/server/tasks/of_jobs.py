"""Tasks as a view of the job store.

A call of `relight_image` whose job goes on becomes a task with the id of the job, so any later
process can answer for it. The one exception is a task that still asks whether money may be spent:
no job exists before the answer, so the question lives in this process and dies with it, unpaid.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.elicitation import render_elicitation_schema
from mcp.server.mcpserver import Elicit
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
)
from pydantic import ValidationError

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.job import Status
from mcp_relight.domain.queries import GetJobArguments
from mcp_relight.domain.request import RelightArguments
from mcp_relight.domain.set_views import SetView
from mcp_relight.domain.views import JobView
from mcp_relight.errors import JobNotFound, RelightError
from mcp_relight.server.consent import Consent, can_be_asked, cost_question, declined
from mcp_relight.server.flat_tool import refused
from mcp_relight.server.tools import Tools
from mcp_relight.service.handle import ServiceHandle

from .extension import Task, TaskStatus

if TYPE_CHECKING:
    from mcp_relight.service.ordering import Order, Quote
    from mcp_relight.service.set_orders import SetOrder

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
_COST = "cost"
_MAX_QUESTIONS = 200


@dataclass(slots=True)
class _Question:
    """A request that waits for a person to agree to its cost."""

    order: "Order | SetOrder"
    quote: "Quote"
    asked_at: str
    refusal: RelightError | None = None
    job_id: str | None = None
    is_cancelled: bool = False

    @property
    def is_open(self) -> bool:
        return self.refusal is None and self.job_id is None and not self.is_cancelled


class JobTasks:
    """`TaskSource` over the job store."""

    def __init__(
        self, handle: ServiceHandle, tools: Tools, *, keeps_questions: bool = True
    ) -> None:
        """Without `keeps_questions` a question goes back in the answer of the call itself, sealed:
        another process may get the call that brings its answer."""
        self._handle = handle
        self._keeps_questions = keeps_questions
        self._tools = tools
        self._questions: dict[str, dict[str, _Question]] = {}
        """By the owner of whoever may answer."""

    async def take(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> Task | HandlerResult:
        if params.name != "relight_image":
            return await call_next(ctx)
        question = None
        if self._keeps_questions and can_be_asked(ctx.session.client_capabilities):
            question = await self._question(params.arguments or {})
        if question is not None:
            return await self._ask(question)
        result = await call_next(ctx)
        job_id = _unfinished_job(result)
        return result if job_id is None else await self._task_of(job_id, job_id)

    async def find(self, task_id: str) -> Task | None:
        question = self._mine().get(task_id)
        if question is None:
            return await self._find_job(task_id)
        if question.job_id is not None:
            return await self._task_of(task_id, question.job_id)
        return _task_of_question(task_id, question)

    async def answer(self, task_id: str, responses: dict[str, Any]) -> None:
        question = self._mine().get(task_id)
        if question is None or not question.is_open or _COST not in responses:
            return
        try:
            if not _says_yes(responses[_COST]):
                raise declined()
            service = await self._handle.service()
            view = await service.relight(question.order.agreed(question.quote), wait_s=0)
            question.job_id = _id_of(view)
        except RelightError as error:
            question.refusal = error

    async def cancel(self, task_id: str) -> None:
        question = self._mine().get(task_id)
        if question is not None and question.job_id is None:
            question.is_cancelled = question.is_open
            return
        job_id = question.job_id if question is not None else task_id
        await (await self._handle.service()).cancel_job(job_id or task_id)

    async def _question(self, arguments: dict[str, Any]) -> _Question | None:
        try:
            request = RelightArguments.parse(arguments)
            service = await self._handle.service()
            order, quote = await service.quote(await service.order(request))
        except RelightError:
            # The tool itself says so, in its own words.
            return None
        return None if quote is None else _Question(order, quote, _now())

    async def _ask(self, question: _Question) -> Task:
        task_id = "ask_" + secrets.token_hex(16)
        questions = self._questions.setdefault(current_caller().owner, {})
        while len(questions) >= _MAX_QUESTIONS:
            del questions[next(iter(questions))]
        questions[task_id] = question
        return _task_of_question(task_id, question)

    def _mine(self) -> dict[str, _Question]:
        return self._questions.get(current_caller().owner, {})

    async def _find_job(self, job_id: str) -> Task | None:
        try:
            return await self._task_of(job_id, job_id)
        except JobNotFound:
            return None

    async def _task_of(self, task_id: str, job_id: str) -> Task:
        arguments = GetJobArguments.parse({"job_id": job_id, "wait_s": 0})
        service = await self._handle.service()
        view = await service.get_job(arguments)
        created_at, updated_at = await service.times_of(job_id)
        status = _STATUS[view.status]
        return Task(
            task_id=task_id,
            status=status,
            created_at=created_at,
            updated_at=updated_at,
            message=_message(view),
            result=await self._tools.job_result(service, view, preview=False)
            if status == "completed"
            else None,
        )


def _unfinished_job(result: HandlerResult) -> str | None:
    if not isinstance(result, CallToolResult) or result.is_error:
        return None
    job: dict[str, Any] = result.structured_content or {}
    named = job.get("job_id") or job["set_id"]
    return str(named) if _STATUS[job["status"]] == "working" else None


def _id_of(view: JobView | SetView) -> str:
    return view.set_id if isinstance(view, SetView) else view.job_id


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
        questions={_COST: _form(cost_question(question.quote))},
    )


def _form(question: Elicit[Any]) -> ElicitRequest:
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


def _message(view: JobView | SetView) -> str:
    return f"{_id_of(view)}: {view.status}, {view.progress:.0%}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
