"""Which rows a worker may advance, and when."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mcp_relight.domain.job import LEGAL, OWN_KEYS, TERMINAL, Job, Stage
from mcp_relight.jobs.ports import NEVER

from .dialect import is_column_ahead
from .tables import job_columns, jobs, jobs_of, unreadable

STRANDED_S = 10.0
"""Overdue by this much, a row has nobody: a worker that could take it would have started."""

_OPEN: tuple[Stage, ...] = tuple(stage for stage in LEGAL if stage not in TERMINAL)


def other_workers(connection: Connection, *, worker: str) -> Sequence[str]:
    """Every other worker that a row which has not ended names."""
    return connection.scalars(
        sa.select(jobs.c.worker)
        .where(jobs.c.stage.in_(_OPEN), jobs.c.worker.is_not(None), jobs.c.worker != worker)
        .distinct()
    ).all()


def due_jobs(
    connection: Connection,
    *,
    worker: str,
    living: Collection[str],
    credentials: Sequence[str],
    now: float,
    local: int,
    remote: int,
    under_way: Sequence[str],
) -> tuple[Job, ...]:
    """Remote ones first: they only need a moment each, a local one needs a processor."""
    is_local = jobs.c.credential_id.is_(None)
    due = (
        sa.select(*job_columns)
        .where(_mine(worker, living, credentials), _is_due(now))
        .where(jobs.c.job_id.not_in(under_way))
        .order_by(jobs.c.cancel_requested.desc(), jobs.c.due_at, jobs.c.job_id)
    )
    # Once its picture is there, a local job ends by itself soon.
    unwanted = sa.select(*job_columns).where(
        jobs.c.job_id.in_(under_way), is_local, jobs.c.cancel_requested, jobs.c.stage == "running"
    )
    queries = [unwanted] if under_way else []
    queries += [due.where(sa.not_(is_local)).limit(remote)] if remote else []
    queries += [due.where(is_local).limit(local)] if local else []
    return tuple(job for query in queries for job in jobs_of(connection.execute(query).mappings()))


def queue(connection: Connection, now: float) -> tuple[dict[str, int], float]:
    """Open jobs by stage, and for how many seconds the one that is due for longest waits."""
    counted = (
        sa.select(jobs.c.stage, sa.func.count(), sa.func.min(jobs.c.due_at))
        .where(jobs.c.stage.in_(_OPEN))
        .group_by(jobs.c.stage)
    )
    rows = connection.execute(counted).all()
    earliest = min((due_at for _, _, due_at in rows), default=now)
    return {stage: count for stage, count, _ in rows}, max(0.0, now - earliest)


def ahead_of(connection: Connection, job: Job) -> int:
    """How many local jobs are due before this one, the one under way included."""
    if not job.is_local:
        return 0
    before = sa.tuple_(jobs.c.due_at, jobs.c.job_id) < (job.due_at, job.job_id)
    query = (
        sa.select(sa.func.count())
        .select_from(jobs)
        .where(jobs.c.stage.in_(_OPEN), jobs.c.credential_id.is_(None), before)
    )
    return connection.scalar(query) or 0


def _is_due(now: float) -> sa.ColumnElement[bool]:
    """A row from the future was written before the clock was put back: its time is as wrong."""
    return sa.or_(jobs.c.due_at <= now, is_column_ahead(jobs.c.updated_at, now))


def next_due_at(
    connection: Connection,
    *,
    worker: str,
    living: Collection[str],
    credentials: Sequence[str],
    under_way: Sequence[str] = (),
) -> float | None:
    """When the next of those rows is due; None when all of them wait for a person, or are local
    ones under way, which have been due all along."""
    computed = sa.and_(jobs.c.credential_id.is_(None), jobs.c.job_id.in_(under_way))
    query = sa.select(sa.func.min(jobs.c.due_at)).where(
        _mine(worker, living, credentials), jobs.c.due_at < NEVER, sa.not_(computed)
    )
    return connection.scalar(query)


def note_stranded(
    connection: Connection, *, living: Collection[str], credentials: Sequence[str], now: float
) -> None:
    """Say on rows that nobody living can advance which key is missing."""
    note = sa.literal("Waiting for a process that may use the API key of ") + jobs.c.provider
    connection.execute(
        jobs.update()
        .where(jobs.c.stage.in_(_OPEN), jobs.c.due_at <= now - STRANDED_S)
        .where(sa.not_(is_held(jobs.c.credential_id, credentials)))
        .where(sa.or_(jobs.c.worker.is_(None), jobs.c.worker.not_in(living)))
        .where(jobs.c.note != note)
        .values(note=note, updated_at=now)
    )


def is_held(
    column: sa.ColumnElement[str | None], credentials: Sequence[str]
) -> sa.ColumnElement[bool]:
    """Whether who has these keys may do the work: it takes none, or one of them."""
    own = [column.startswith(OWN_KEYS, autoescape=True)] if OWN_KEYS in credentials else []
    return sa.or_(column.is_(None), column.in_(credentials), *own)


def _mine(
    worker: str, living: Collection[str], credentials: Sequence[str]
) -> sa.ColumnElement[bool]:
    """Rows that have not ended, that this worker can advance and that no other living one holds."""
    return sa.and_(
        jobs.c.stage.in_(_OPEN),
        jobs.c.job_id.not_in(sorted(unreadable)),
        is_held(jobs.c.credential_id, credentials),
        sa.or_(
            jobs.c.worker.is_(None), jobs.c.worker == worker, jobs.c.worker.not_in(sorted(living))
        ),
    )
