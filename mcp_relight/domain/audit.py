"""Who called what, and what came of it: one line per call of a tool, without its arguments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. `at` in seconds since 1970."""

    at: float
    owner: str
    tool: str
    outcome: str
    """`ok`, `asked` where a question went back instead, or the code of an error."""
    request_id: str
    job_id: str | None = None
    model: str | None = None
    usd: float | None = None
    """What the answer says the job costs; what was spent in all, the budgets know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfOwner:
    """What one owner did on one UTC day, as 2026-01-31; `usd` is what was spent or reserved."""

    owner: str
    day: str
    usd: float
    calls: int
    refused: int


class Trail(Protocol):
    """Where the lines are kept. Every call may raise TimedOut, StorageFull and Internal."""

    async def write_calls(self, calls: Sequence[Call]) -> None: ...

    async def days(self, *, since: str) -> tuple[DayOfOwner, ...]:
        """Newest first, from that day on."""
        ...
