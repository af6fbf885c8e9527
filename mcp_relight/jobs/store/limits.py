"""What a key and an owner may have at most, checked in the transaction that would give them more.

Slots: GCRA, one row per provider key, taken in one statement, shared by all processes. The day's
money: reserved before a paid submit, corrected when the true cost is known. Then jobs, sets and
room for pictures, and the budget of an owner's own key.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from mcp_relight.domain.job import TERMINAL, Cost, Job, JobRequest, Stage, is_own
from mcp_relight.domain.sets import NewSet, SetRequest
from mcp_relight.domain.words import dollars
from mcp_relight.errors import BudgetExceeded, Busy, InvalidArgument

from .dialect import greater, insert_into, insert_unless_there, is_column_ahead
from .lookup import Look, Lookup
from .owner_tables import images, owner_keys, owners
from .tables import gates, jobs, set_members, sets, spend

ROUNDING_USD = 1e-9
_BUSY_S = 30.0
_IS_OPEN = jobs.c.stage.not_in(sorted(TERMINAL))
_HAS_STARTED = sa.and_(
    _IS_OPEN,
    jobs.c.stage != "submit_unknown",
    sa.or_(jobs.c.stage != "queued", jobs.c.worker.is_not(None)),
)
_ASK_OPERATOR = "or ask whoever runs this server for more."
_OWNER: sa.BindParameter[str] = sa.bindparam("owner")
_SPENT = sa.select(spend.c.usd).where(spend.c.owner == _OWNER, spend.c.day == sa.bindparam("day"))
_ALLOWED = sa.select(owners.c.daily_budget_usd).where(owners.c.owner == _OWNER)
TODAY = (_SPENT.scalar_subquery().label("spent_usd"), _ALLOWED.scalar_subquery().label("own_usd"))
"""As columns of any statement about an `owner` and a `day`: dollars spent or reserved on it, and
what the owner's row allows; None where there is no such row."""
_TODAY_ALONE = Lookup(sa.select(*TODAY))


def take_slot(
    connection: Connection, gate: str, *, per_minute: float, burst: int, now: float
) -> float:
    """Take the next slot; returns after how many seconds it may be used."""
    step_s = 60.0 / per_minute
    earliest = now - step_s * (burst - 1)
    taken = connection.execute(
        insert_into(connection, gates)
        .values(name=gate, tat=earliest + step_s, seen_at=now)
        .on_conflict_do_update(
            index_elements=[gates.c.name],
            set_={"tat": greater(_tat(now), earliest) + step_s, "seen_at": now},
        )
        .returning(gates.c.tat)
    ).scalar_one()
    return max(0.0, taken - step_s - now)


def hold(connection: Connection, gate: str, *, seconds: float, now: float) -> None:
    """Give out no slot for so long."""
    until = now + seconds
    connection.execute(
        insert_into(connection, gates)
        .values(name=gate, tat=until, seen_at=now)
        .on_conflict_do_update(
            index_elements=[gates.c.name],
            set_={"tat": greater(_tat(now), until), "seen_at": now},
        )
    )


def _tat(now: float) -> sa.ColumnElement[float]:
    """The gate's moment by the clock as it is now: put back with it, where that happened since the
    gate was last used."""
    return sa.case(
        (is_column_ahead(gates.c.seen_at, now), gates.c.tat - gates.c.seen_at + now),
        else_=gates.c.tat,
    )


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


def reserve_usd(
    connection: Connection, job: Job, *, day_budget_usd: float, now: float
) -> dict[str, Any]:
    """Add the job's price to its owner's day; returns the columns that remember it.

    Raises BudgetExceeded.
    """
    usd, day = job.request.price_usd, day_of(now)
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
    day_usd = spent(connection, owner=new.owner, day=day_of(now), lock=True)
    left_usd = budget_usd - day_usd - _promised(connection, new.owner) + usd
    if usd > left_usd + ROUNDING_USD:
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
    return of_sets + sum(request.price_usd for request in of_jobs)


def _price_of_waiting(request: SetRequest, waiting: int, *, of: int) -> float:
    """As `JobRequest.price_usd`, of some of the pictures."""
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


def check_own_key(connection: Connection, job: Job, *, usd: float, day: str) -> None:
    """That what this job may cost is left of the day for its owner's own key, if it goes by one.
    The owner's day is locked: of two jobs that each would fit, one waits. Raises BudgetExceeded."""
    if usd <= 0 or not is_own(job.credential_id):
        return
    limit = sa.select(owner_keys.c.daily_budget_usd).where(
        owner_keys.c.owner == job.owner, owner_keys.c.provider == job.provider
    )
    most_usd = connection.scalar(limit)
    if most_usd is None:
        return
    taken_usd = _taken_usd(connection, job.owner, str(job.credential_id), day)
    if taken_usd + usd > most_usd + ROUNDING_USD:
        raise BudgetExceeded(
            f"This job may cost {dollars(usd)}, more than is left today of the {dollars(most_usd)} "
            f"a day for your own key for {job.provider}.",
            hint="Wait until 00:00 UTC, or ask whoever runs this server for more.",
        )


def left_of_own_keys(
    connection: Connection, owner: str, credentials: Mapping[str, str], day: str
) -> dict[str, float]:
    """Dollars left of that day, by provider, of the keys that have a budget of their own."""
    query = sa.select(owner_keys.c.provider, owner_keys.c.daily_budget_usd).where(
        owner_keys.c.owner == owner, owner_keys.c.daily_budget_usd.is_not(None)
    )
    limits = {row.provider: row.daily_budget_usd for row in connection.execute(query)}
    return {
        provider: max(0.0, usd - _taken_usd(connection, owner, credentials[provider], day))
        for provider, usd in limits.items()
        if provider in credentials
    }


def _taken_usd(connection: Connection, owner: str, credential_id: str, day: str) -> float:
    by_this_key = sa.and_(jobs.c.owner == owner, jobs.c.credential_id == credential_id)
    query = sa.select(sa.func.sum(jobs.c.reserved_usd))
    return connection.scalar(query.where(by_this_key, jobs.c.reserved_day == day)) or 0.0
