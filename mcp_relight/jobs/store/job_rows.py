"""Entering and changing jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mcp_relight import telemetry
from mcp_relight.domain.job import TERMINAL, Job, Stage, is_ahead, is_legal, new_job_id
from mcp_relight.domain.ports import NewJob
from mcp_relight.errors import IdempotencyConflict, Internal
from mcp_relight.jobs.ports import jittered

from . import limits
from .dialect import insert_unless_there, is_column_ahead
from .errors import DatabaseOutage
from .hooks import soon_if_called
from .limits import reserve_usd, settle
from .reads import get_job
from .tables import columns_of, images_of, job_columns, job_of, jobs, row_of, uses

_RIVAL_S = 600.0
"""A job sent longer before or after ours is not what evidence of the time of ours speaks of. One
that nobody ever gave up must not stand in the way for good."""
_FULL_S = 2.0
_FULL = "Waiting for another of your jobs to end."
_STILL_TO_SEND = frozenset[Stage]({"queued", "submitting"})


def cancel_job(connection: Connection, job_id: str, *, owner: str, now: float) -> Job:
    """Cancel what nobody works on; else leave the wish to the worker that does, to be looked at
    now."""
    job = get_job(connection, job_id, owner=owner)
    if job.is_terminal:
        return job
    this_row = jobs.update().where(jobs.c.job_id == job_id, jobs.c.stage == job.stage)
    if is_idle := job.stage in {"queued", "submit_unknown"}:
        changes = {"stage": "cancelled", "note": "", "worker": None}
        changes |= _without_used_addresses(job, "cancelled", {})
    else:
        changes = {"cancel_requested": True}
        changes |= {"due_at": now} if job.stage == "running" else {}
    changed = connection.execute(this_row.values(**changes, updated_at=now))
    if is_idle and changed.rowcount == 0:  # PostgreSQL alone: it left this stage meanwhile
        connection.execute(
            jobs.update().where(jobs.c.job_id == job_id).values(cancel_requested=True, due_at=now)
        )
    return get_job(connection, job_id)


def claim_job(connection: Connection, job: Job, worker: str, now: float) -> Job | None:
    """Compare-and-set of the claim. One too many of its owner's is looked at again a little later:
    meanwhile it is another's turn."""
    if not limits.may_start(connection, job):
        again_at = now + jittered(_FULL_S)
        _change(connection, job, {"due_at": again_at, "note": _FULL})
        return None
    return _change(connection, job, {"worker": worker, "updated_at": now})


def move_job(
    connection: Connection, job: Job, stage: Stage, changes: Mapping[str, Any], now: float
) -> Job | None:
    """Compare-and-set of the stage; the day's money follows. Raises Internal."""
    if stage != job.stage and not is_legal(job.stage, stage):
        raise Internal(f"A job cannot go from {job.stage} to {stage}.")
    row = _lock_row(connection, job)
    if row is None:
        return None
    columns = columns_of(changes) | {"stage": stage, "updated_at": now}
    if "due_at" in changes:
        columns["due_at"] = soon_if_called(connection, job, stage, changes["due_at"], now)
    if row["cancel_requested"] and not job.cancel_requested and "due_at" in columns:
        columns["due_at"] = now  # somebody wished it during the step, which did not know
    if job.slots:
        columns.setdefault("slots", [])  # they were for this step
    columns |= _sent_by_this_clock(job, columns, now)
    columns |= settle(connection, row, stage, changes.get("cost"))
    columns |= _without_used_addresses(job, stage, changes)
    _remember_images(connection, job.job_id, changes)
    return _change(connection, job, columns)


def reserve_job(
    connection: Connection,
    job: Job,
    changes: Mapping[str, Any],
    *,
    day_budget_usd: float,
    now: float,
) -> Job | None:
    """Move to `submitting` with the money reserved. Raises BudgetExceeded, Internal."""
    if not is_legal(job.stage, "submitting"):
        raise Internal(f"A job cannot go from {job.stage} to submitting.")
    if _lock_row(connection, job) is None:
        return None
    columns = columns_of(changes) | {"stage": "submitting", "updated_at": now}
    # Of the try that is committed: how long it may be under way is counted from then.
    columns |= {"submits": job.submits + 1, "submitted_at": now}
    own = limits.day_budget(connection, job.owner, day_budget_usd)
    columns |= (reserved := reserve_usd(connection, job, day_budget_usd=own, now=now))
    usd, day = reserved["reserved_usd"], reserved["reserved_day"]
    limits.check_own_key(connection, job, usd=usd, day=day)
    return _change(connection, job, columns)


def may_be_anothers(connection: Connection, job: Job, ticket: str) -> bool:
    """Whether another row of the same key has this ticket, or could as well claim it."""
    sent_at = job.submitted_at or job.created_at
    theirs = sa.func.coalesce(jobs.c.submitted_at, jobs.c.created_at)
    unsettled = sa.and_(
        jobs.c.stage.in_(("submitting", "submit_unknown")),
        theirs.between(sent_at - _RIVAL_S, sent_at + _RIVAL_S),
    )
    rivals = (
        sa.select(sa.func.count())
        .where(jobs.c.job_id != job.job_id, jobs.c.provider == job.provider)
        .where(jobs.c.credential_id.is_not_distinct_from(job.credential_id))
        .where(sa.or_(unsettled, jobs.c.ticket == ticket))
    )
    return connection.execute(rivals).scalar_one() > 0


def _without_used_addresses(job: Job, stage: Stage, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Columns without the addresses nobody will need again: a signed one is as good as a key."""
    columns: dict[str, Any] = {}
    has_addresses = bool(job.request.passthrough_url or job.request.extra_urls)
    if stage not in _STILL_TO_SEND and has_addresses and "request" not in changes:
        without = job.request.model_copy(update={"passthrough_url": None, "extra_urls": {}})
        columns |= columns_of({"request": without})
    if job.outputs and (stage in TERMINAL or stage == "finishing"):
        columns |= columns_of({"outputs": ()})
    return columns


def _sent_by_this_clock(job: Job, columns: Mapping[str, Any], now: float) -> dict[str, Any]:
    """A job sent before the clock was put back: from now on it counts as sent now. While nobody
    knows whether it was, evidence is looked for by the time that was written down."""
    is_known = job.stage in {"running", "downloading"} and "submitted_at" not in columns
    if is_known and job.submitted_at is not None and is_ahead(job.submitted_at, now):
        return {"submitted_at": now}
    return {}


def _lock_row(connection: Connection, job: Job) -> sa.RowMapping | None:
    """The row as this job knows it, locked until the transaction ends; None when it moved on."""
    query = sa.select(
        jobs.c.owner, jobs.c.reserved_day, jobs.c.reserved_usd, jobs.c.cancel_requested
    ).where(_same(job))
    return connection.execute(query.with_for_update()).mappings().one_or_none()


def _change(connection: Connection, job: Job, columns: Mapping[str, Any]) -> Job | None:
    query = jobs.update().where(_same(job)).values(**columns).returning(*job_columns)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else job_of(row)


def _same(job: Job) -> sa.ColumnElement[bool]:
    return sa.and_(
        jobs.c.job_id == job.job_id,
        jobs.c.stage == job.stage,
        jobs.c.worker.is_not_distinct_from(job.worker),
    )


def _remember_images(connection: Connection, job_id: str, changes: Mapping[str, Any]) -> None:
    for image_id in images_of(changes):
        connection.execute(
            insert_unless_there(connection, uses).values(job_id=job_id, image_id=image_id)
        )


DEDUP_WINDOW_S = 600.0


def insert_jobs(connection: Connection, new: Sequence[NewJob], now: float) -> tuple[Job, ...]:
    """One job per entry: a new row, or the row that owns its dedup key. Raises BudgetExceeded and
    Busy where their owner has as much as they may."""
    _free_old_keys(connection, new, now)
    entered = [_insert_or_find(connection, item, now) for item in new]
    job_ids = tuple(dict.fromkeys(job_id for job_id, _ in entered))
    for job_id, is_new in entered:
        if is_new:
            _name_siblings(connection, job_id, job_ids)
    added = [item for item, (_, is_new) in zip(new, entered, strict=True) if is_new]
    for owner in {item.owner for item in added}:
        usd = sum(item.request.price_usd for item in added if item.owner == owner)
        limits.check_new_jobs(connection, owner, usd)
    return tuple(_read(connection, job_id, job_ids) for job_id, _ in entered)


def are_there(connection: Connection, new: Sequence[NewJob], now: float) -> bool:
    """Whether `insert_jobs` would enter none."""
    return all(
        item.dedup_key is not None
        and connection.scalar(
            sa.select(jobs.c.job_id).where(_has_key_of(item), sa.not_(_no_longer_answers(now)))
        )
        for item in new
    )


def _has_key_of(item: NewJob) -> sa.ColumnElement[bool]:
    return sa.and_(jobs.c.owner == item.owner, jobs.c.dedup_key == item.dedup_key)


def _no_longer_answers(now: float) -> sa.ColumnElement[bool]:
    """Jobs that ended badly, and old ones, do not answer for the same request."""
    ended = jobs.c.stage.in_(("failed", "cancelled", "expired"))
    is_old = sa.or_(
        jobs.c.created_at < now - DEDUP_WINDOW_S, is_column_ahead(jobs.c.created_at, now)
    )
    old = sa.and_(is_old, jobs.c.stage != "submit_unknown")
    return sa.and_(sa.not_(jobs.c.keep_key), sa.or_(ended, old))


def _free_old_keys(connection: Connection, new: Sequence[NewJob], now: float) -> None:
    for item in new:
        if item.dedup_key is not None:
            connection.execute(
                jobs.update()
                .where(_has_key_of(item), _no_longer_answers(now))
                .values(dedup_key=None)
            )


def _insert_or_find(connection: Connection, new: NewJob, now: float) -> tuple[str, bool]:
    """The id of the row, and whether it is new. Raises IdempotencyConflict."""
    job = _new_job(new, now)
    row = row_of(job) | {"request_hash": new.request_hash, "keep_key": new.keep_key}
    # Not by rowcount, which not every driver keeps for an INSERT.
    entering = insert_unless_there(connection, jobs).values(row).returning(jobs.c.job_id)
    if connection.scalar(entering) is not None:
        images = images_of({"request": new.request})
        connection.execute(
            uses.insert(), [{"job_id": job.job_id, "image_id": image} for image in images]
        )
        return job.job_id, True
    found = connection.execute(
        sa.select(jobs.c.job_id, jobs.c.request_hash).where(
            jobs.c.owner == new.owner, jobs.c.dedup_key == new.dedup_key
        )
    ).one_or_none()
    if found is None:  # PostgreSQL alone: the key was freed meanwhile
        raise DatabaseOutage
    if found.request_hash != new.request_hash:
        raise IdempotencyConflict(
            "idempotency_key was already used for a different request.",
            argument="idempotency_key",
        )
    return found.job_id, False


def _new_job(new: NewJob, now: float) -> Job:
    return Job(
        job_id=new_job_id(),
        owner=new.owner,
        provider=new.provider,
        model=new.request.model,
        stage="queued",
        request=new.request.model_copy(update={"trace": telemetry.traceparent()}),
        created_at=now,
        updated_at=now,
        due_at=now,
        dedup_key=new.dedup_key,
        credential_id=new.credential_id,
        warnings=new.warnings,
    )


def _name_siblings(connection: Connection, job_id: str, job_ids: Sequence[str]) -> None:
    siblings = list(_others(job_ids, job_id))
    connection.execute(jobs.update().where(jobs.c.job_id == job_id).values(siblings=siblings))


def _read(connection: Connection, job_id: str, job_ids: Sequence[str]) -> Job:
    """The row, shown with the siblings of this call; an earlier row keeps its own in the store."""
    row = (
        connection.execute(sa.select(*job_columns).where(jobs.c.job_id == job_id)).mappings().one()
    )
    return replace(job_of(row), siblings=_others(job_ids, job_id))


def _others(job_ids: Sequence[str], job_id: str) -> tuple[str, ...]:
    return tuple(other for other in job_ids if other != job_id)
