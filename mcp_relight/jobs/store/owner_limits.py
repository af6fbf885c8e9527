"""What an owner may have at most, checked in the transaction that would give them more."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from mcp_relight.domain.job import TERMINAL, Job, JobRequest
from mcp_relight.domain.sets import NewSet, SetRequest
from mcp_relight.domain.words import dollars
from mcp_relight.errors import BudgetExceeded, Busy, InvalidArgument

from . import spend
from .lookup import Look, Lookup
from .owner_tables import images, owners
from .tables import jobs, set_members, sets
from .tables import spend as spend_rows

_BUSY_S = 30.0
_IS_OPEN = jobs.c.stage.not_in(sorted(TERMINAL))
_HAS_STARTED = sa.and_(
    _IS_OPEN,
    jobs.c.stage != "submit_unknown",
    sa.or_(jobs.c.stage != "queued", jobs.c.worker.is_not(None)),
)
_ASK_OPERATOR = "or ask whoever runs this server for more."
_OWNER: sa.BindParameter[str] = sa.bindparam("owner")
_SPENT = sa.select(spend_rows.c.usd).where(
    spend_rows.c.owner == _OWNER, spend_rows.c.day == sa.bindparam("day")
)
_ALLOWED = sa.select(owners.c.daily_budget_usd).where(owners.c.owner == _OWNER)
TODAY = (_SPENT.scalar_subquery().label("spent_usd"), _ALLOWED.scalar_subquery().label("own_usd"))
"""As columns of any statement about an `owner` and a `day`: dollars spent or reserved on it, and
what the owner's row allows; None where there is no such row."""
_TODAY_ALONE = Lookup(sa.select(*TODAY))


def limits_of(connection: Connection, owner: str) -> RowMapping | None:
    """The owner's row, locked: of two calls that each would take the last place, one waits."""
    query = sa.select(owners).where(owners.c.owner == owner).with_for_update()
    return connection.execute(query).mappings().one_or_none()


def check_new_jobs(connection: Connection, owner: str, usd: float) -> None:
    """After they were entered, before anybody sees them. `usd` is the price of the call, by its
    upper bound. Raises BudgetExceeded, Busy, InvalidArgument."""
    limits = limits_of(connection, owner)
    if limits is None:
        return
    _check_call(limits, usd)
    most = limits["max_open_jobs"]
    if most is not None and _count(connection, owner, _IS_OPEN) > most:
        raise Busy(
            f"You may have {most} open jobs at a time, and have that many.",
            hint=f"Try again in {_BUSY_S:.0f} s: jobs end by themselves; cancel_job ends one now.",
            retry_after_s=_BUSY_S,
        )


def check_new_set(connection: Connection, new: NewSet, waiting: int, now: float) -> None:
    """As `check_new_jobs`; `waiting` of its pictures are to become new jobs. What they may cost
    has to be left of the day, beside what other open sets and jobs may. Raises BudgetExceeded,
    InvalidArgument."""
    limits = limits_of(connection, new.owner)
    usd = _price_of_waiting(new.request, waiting, of=len(new.members))
    if limits is not None:
        _check_call(limits, usd)
    if usd <= 0:
        return
    budget_usd = new.request.policy.daily_budget_usd
    if limits is not None and limits["daily_budget_usd"] is not None:
        budget_usd = min(budget_usd, limits["daily_budget_usd"])
    # The day's row first, locked: of two sets that each would fit, one waits.
    day_usd = spend.spent(connection, owner=new.owner, day=spend.day_of(now), lock=True)
    left_usd = budget_usd - day_usd - _promised(connection, new.owner) + usd
    if usd > left_usd + spend.ROUNDING_USD:
        left = dollars(max(0.0, left_usd))
        raise BudgetExceeded(
            f"These pictures may cost {dollars(usd)} in all; {left} of today's budget is left, "
            "counting what is under way.",
            hint="Name fewer pictures or a cheaper model, wait until 00:00 UTC, or have the daily "
            "budget raised.",
        )


def _check_call(limits: RowMapping, usd: float) -> None:
    if limits["is_disabled"]:
        raise InvalidArgument(
            "This account starts nothing new: it was disabled.",
            hint="Ask whoever runs this server.",
        )
    most_usd = limits["max_cost_usd"]
    if most_usd is not None and usd > most_usd:
        raise BudgetExceeded(
            f"This call may cost {dollars(usd)}; you may spend {dollars(most_usd)} with one.",
            hint=f"Take a cheaper model or fewer pictures, {_ASK_OPERATOR}",
        )


def _promised(connection: Connection, owner: str) -> float:
    """Dollars that open sets and jobs of theirs may still reserve."""
    waiting = sa.func.count(set_members.c.reference)
    open_sets = (
        sa.select(sets.c.request, waiting, sa.func.count())
        .join(set_members, set_members.c.set_id == sets.c.set_id)
        .where(sets.c.owner == owner, sets.c.is_open)
        .group_by(sets.c.set_id)
    )
    of_sets = sum(
        _price_of_waiting(SetRequest.model_validate(request, extra="ignore"), count, of=members)
        for request, count, members in connection.execute(open_sets)
    )
    queued = sa.select(jobs.c.request).where(
        jobs.c.owner == owner, jobs.c.stage == "queued", jobs.c.credential_id.is_not(None)
    )
    of_jobs = (JobRequest.model_validate(one, extra="ignore") for one in connection.scalars(queued))
    return of_sets + sum(spend.price_of(request) for request in of_jobs)


def _price_of_waiting(request: SetRequest, waiting: int, *, of: int) -> float:
    """As `spend.price_of`, of some of the pictures."""
    usd = request.estimate.usd
    each_usd = request.policy.max_cost_usd if usd is None else usd / max(1, of)
    return each_usd * waiting


def may_start(connection: Connection, job: Job) -> bool:
    """Whether one more of its owner's jobs may run. One that has begun is never stopped."""
    if job.stage != "queued" or job.worker is not None:
        return True
    limits = limits_of(connection, job.owner)
    most = None if limits is None else limits["max_running_jobs"]
    return most is None or _count(connection, job.owner, _HAS_STARTED) < most


def today(owner: str, day: str, budget_usd: float) -> Look[tuple[float, float]]:
    """Dollars spent or reserved on that day, and the budget."""
    asked = {"owner": owner, "day": day}
    return Look(_TODAY_ALONE, asked, lambda rows: day_in(rows[0], budget_usd))


def day_in(row: Mapping[str, Any], budget_usd: float) -> tuple[float, float]:
    """What a row with the columns of `TODAY` says: dollars spent, and the lesser budget."""
    own_usd = row["own_usd"]
    return row["spent_usd"] or 0.0, budget_usd if own_usd is None else min(own_usd, budget_usd)


def day_budget(connection: Connection, owner: str, budget_usd: float) -> float:
    """The lesser of what the settings and the owner's row allow."""
    own = connection.scalar(sa.select(owners.c.daily_budget_usd).where(owners.c.owner == owner))
    return budget_usd if own is None else min(own, budget_usd)


def check_room(connection: Connection, owner: str, size: int) -> None:
    """Raises BudgetExceeded."""
    limits = limits_of(connection, owner)
    most = None if limits is None else limits["max_bytes"]
    if most is not None and bytes_of(connection, owner) + size > most:
        raise BudgetExceeded(
            f"Your stored pictures may take {most / 1e6:g} MB in all, and this one does not fit.",
            hint=f"Pictures that no job needs go after a day; wait, {_ASK_OPERATOR}",
        )


def room_of(connection: Connection, owner: str) -> int | None:
    """How many bytes their pictures may take, where that is written down."""
    return connection.scalar(sa.select(owners.c.max_bytes).where(owners.c.owner == owner))


def bytes_of(connection: Connection, owner: str) -> int:
    kept = sa.select(sa.func.coalesce(sa.func.sum(images.c.bytes), 0))
    return int(connection.scalar(kept.where(images.c.owner == owner)) or 0)


def open_jobs(connection: Connection, owner: str) -> int:
    return _count(connection, owner, _IS_OPEN)


def _count(connection: Connection, owner: str, which: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.owner == owner, which)
    return connection.execute(query).scalar_one()
