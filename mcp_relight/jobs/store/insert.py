"""Inserting jobs, or finding the ones that were asked for before."""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mcp_relight.domain.job import Job, new_job_id
from mcp_relight.domain.ports import NewJob
from mcp_relight.errors import IdempotencyConflict

from .dialect import insert_unless_there
from .tables import jobs, uses
from .values import images_of, job_of, row_of

DEDUP_WINDOW_S = 600.0


def insert_jobs(connection: Connection, new: Sequence[NewJob], now: float) -> tuple[Job, ...]:
    """One job per entry: a new row, or the row that owns its dedup key."""
    _free_old_keys(connection, new, now)
    entered = [_insert_or_find(connection, item, now) for item in new]
    job_ids = tuple(dict.fromkeys(job_id for job_id, _ in entered))
    for job_id, is_new in entered:
        if is_new:
            _name_siblings(connection, job_id, job_ids)
    return tuple(_read(connection, job_id, job_ids) for job_id, _ in entered)


def _free_old_keys(connection: Connection, new: Sequence[NewJob], now: float) -> None:
    """Jobs that ended badly, and old ones, no longer answer for the same request."""
    ended = jobs.c.stage.in_(("failed", "cancelled", "expired"))
    old = sa.and_(jobs.c.created_at < now - DEDUP_WINDOW_S, jobs.c.stage != "submit_unknown")
    for item in new:
        if item.dedup_key is not None:
            connection.execute(
                jobs.update()
                .where(jobs.c.owner == item.owner, jobs.c.dedup_key == item.dedup_key)
                .where(sa.not_(jobs.c.keep_key), sa.or_(ended, old))
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
    ).one()
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
        request=new.request,
        created_at=now,
        updated_at=now,
        due_at=now,
        dedup_key=new.dedup_key,
        credential_id=new.credential_id,
    )


def _name_siblings(connection: Connection, job_id: str, job_ids: Sequence[str]) -> None:
    siblings = list(_others(job_ids, job_id))
    connection.execute(jobs.update().where(jobs.c.job_id == job_id).values(siblings=siblings))


def _read(connection: Connection, job_id: str, job_ids: Sequence[str]) -> Job:
    """The row, shown with the siblings of this call; an earlier row keeps its own in the store."""
    row = connection.execute(sa.select(jobs).where(jobs.c.job_id == job_id)).mappings().one()
    return replace(job_of(row), siblings=_others(job_ids, job_id))


def _others(job_ids: Sequence[str], job_id: str) -> tuple[str, ...]:
    return tuple(other for other in job_ids if other != job_id)
