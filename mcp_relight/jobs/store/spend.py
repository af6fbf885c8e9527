"""The day's money: reserved before a paid submit, corrected when the true cost is known."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from mcp_relight.domain.job import Cost, Job, JobRequest, Stage
from mcp_relight.domain.words import dollars
from mcp_relight.errors import BudgetExceeded

from .dialect import insert_unless_there
from .tables import spend

ROUNDING_USD = 1e-9


def day_of(now: float) -> str:
    """The UTC day, as 2026-01-31."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def spent(connection: Connection, *, owner: str, day: str, lock: bool = False) -> float:
    """Dollars spent or reserved on that day. With `lock` nobody changes it until the transaction
    ends."""
    query = sa.select(spend.c.usd).where(spend.c.owner == owner, spend.c.day == day)
    if lock:
        _make_sure_of(connection, owner, day)
        query = query.with_for_update()
    return connection.execute(query).scalar_one_or_none() or 0.0


def price_of(request: JobRequest) -> float:
    """What counts against the budget: the documented upper bound, else the limit per job."""
    usd = request.estimate.usd
    return request.policy.max_cost_usd if usd is None else usd


def reserve_usd(
    connection: Connection, job: Job, *, day_budget_usd: float, now: float
) -> dict[str, Any]:
    """Add the job's price to its owner's day; returns the columns that remember it.

    Raises BudgetExceeded.
    """
    usd, day = price_of(job.request), day_of(now)
    _make_sure_of(connection, job.owner, day)
    taken = connection.execute(
        spend.update()
        .where(spend.c.owner == job.owner, spend.c.day == day)
        .where((spend.c.usd + usd <= day_budget_usd + ROUNDING_USD) | (usd <= 0))
        .values(usd=spend.c.usd + usd)
    )
    if taken.rowcount == 0:
        raise BudgetExceeded(
            f"This job may cost {dollars(usd)}, more than is left of today's budget of "
            f"{dollars(day_budget_usd)}.",
            hint="Wait until 00:00 UTC, or have MCP_RELIGHT_DAILY_BUDGET_USD raised.",
        )
    return {"reserved_day": day, "reserved_usd": usd}


def _make_sure_of(connection: Connection, owner: str, day: str) -> None:
    connection.execute(insert_unless_there(connection, spend).values(owner=owner, day=day, usd=0.0))


def settle(
    connection: Connection, row: RowMapping, stage: Stage, cost: Cost | None
) -> dict[str, Any]:
    """Correct the day's money after a step; returns the columns that changed."""
    if row["reserved_day"] is None:
        return {}
    usd = _true_cost(stage, cost)
    if usd is None and cost is not None and cost.usd is not None and cost.usd > row["reserved_usd"]:
        usd = cost.usd  # stated, though not yet billed: a later job must not spend it too
    if usd is None:
        return {}
    connection.execute(
        spend.update()
        .where(spend.c.owner == row["owner"], spend.c.day == row["reserved_day"])
        .values(usd=spend.c.usd + (usd - row["reserved_usd"]))
    )
    return {"reserved_day": None if stage == "queued" else row["reserved_day"], "reserved_usd": usd}


def _true_cost(stage: Stage, cost: Cost | None) -> float | None:
    """None while nobody knows."""
    if stage == "queued":
        return 0.0  # certainly not sent
    if cost is None or cost.billed == "unknown":
        return None
    return 0.0 if cost.billed == "no" else cost.usd
