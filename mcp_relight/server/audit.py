"""One line per call of a tool: who, what, which job, what it costs, how it ended.

Never an argument and never a picture. The line is in the log within a tenth of a second, in the
table within a second, in one go with others: no call waits for it. What a crash takes are lines of
that second; what was spent is in the rows of jobs before a paid request leaves.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import anyio
from mcp.types import CallToolResult, InputRequiredResult

from mcp_relight.domain.audit import Call, Trail
from mcp_relight.domain.caller import current_caller
from mcp_relight.errors import RelightError

from .flat_tool import ERROR_META

_EVERY_S = 1.0
_AT_ONCE = 500
_MAX_WAITING = 20_000

_log = logging.getLogger("mcp_relight.audit")


class Audit:
    """Writes the lines of one process."""

    def __init__(self, trail: Trail, request_id: Callable[[], str]) -> None:
        self._trail = trail
        self._request_id = request_id
        self._waiting: list[Call] = []

    def note(self, tool: str, result: CallToolResult | InputRequiredResult) -> None:
        """Of a call that has been answered."""
        job_id, model, usd = _job_in(result)
        call = Call(
            at=time.time(),
            owner=current_caller().owner,
            tool=tool,
            outcome=_outcome(result),
            request_id=self._request_id(),
            job_id=job_id,
            model=model,
            usd=usd,
        )
        _log.info(
            "%s owner=%s tool=%s job=%s model=%s usd=%s outcome=%s",
            call.request_id,
            call.owner,
            call.tool,
            call.job_id or "-",
            call.model or "-",
            "-" if call.usd is None else call.usd,
            call.outcome,
            extra={"may_wait": True},
        )
        if len(self._waiting) < _MAX_WAITING:
            self._waiting.append(call)

    async def run(self) -> None:
        """Runs as long as the server; what waits at its end is written still."""
        try:
            while True:
                await anyio.sleep(_EVERY_S)
                await self._write()
        finally:
            with anyio.move_on_after(_EVERY_S, shield=True):
                await self._write()

    async def _write(self) -> None:
        while self._waiting:
            calls = self._waiting[:_AT_ONCE]
            try:
                await self._trail.write_calls(calls)
            except RelightError as error:
                _log.error("The audit trail could not be written: %s", error.message)
                return
            del self._waiting[: len(calls)]


def _outcome(result: CallToolResult | InputRequiredResult) -> str:
    if isinstance(result, InputRequiredResult):
        return "asked"
    if not result.is_error:
        return "ok"
    error = (result.meta or {}).get(ERROR_META, {})
    return str(error.get("code", "internal"))


def _job_in(
    result: CallToolResult | InputRequiredResult,
) -> tuple[str | None, str | None, float | None]:
    """The job (or set) of an answer, its model and its cost in dollars."""
    facts: dict[str, Any] = {}
    if isinstance(result, CallToolResult):
        facts = result.structured_content or {}
    cost: dict[str, Any] = facts.get("cost") or {}
    return facts.get("job_id") or facts.get("set_id"), facts.get("model"), cost.get("usd")
