"""Looking at jobs: one, some, and a page of them."""

import base64
import binascii
import json
from collections.abc import Sequence
from functools import cache, partial
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mcp_relight.domain.job import Job, Status, stages_of
from mcp_relight.domain.ports import JobPage
from mcp_relight.errors import InvalidArgument, JobNotFound

from . import limits
from .lookup import Look, Lookup, Row
from .tables import job_columns, job_of, jobs, jobs_of, uses

_ANY_OWNER = None
_AT_ONCE = 400
_BY_ID = sa.select(*job_columns).where(jobs.c.job_id == sa.bindparam("job_id"))
_OF_ANYBODY = Lookup(_BY_ID)
_OF_OWNER = Lookup(_BY_ID.where(jobs.c.owner == sa.bindparam("owner")))


def get_job(connection: Connection, job_id: str, *, owner: str | None = _ANY_OWNER) -> Job:
    """Raises JobNotFound."""
    return the_job(job_id, owner=owner).on(connection)


def the_job(job_id: str, *, owner: str | None = _ANY_OWNER) -> Look[Job]:
    """Its meaning raises JobNotFound."""
    if owner is _ANY_OWNER:
        return Look(_OF_ANYBODY, {"job_id": job_id}, _the_one)
    return Look(_OF_OWNER, {"job_id": job_id, "owner": owner}, _the_one)


def get_jobs(connection: Connection, job_ids: Sequence[str]) -> dict[str, Job]:
    """Those of the jobs that exist."""
    found: dict[str, Job] = {}
    for start in range(0, len(job_ids), _AT_ONCE):
        some = job_ids[start : start + _AT_ONCE]
        query = sa.select(*job_columns).where(jobs.c.job_id.in_(some))
        found |= {job.job_id: job for job in jobs_of(connection.execute(query).mappings())}
    return found


def page(*, owner: str, status: Status | None, limit: int, cursor: str | None) -> Look[JobPage]:
    """Newest first. Raises InvalidArgument for a cursor that is not ours."""
    asked = _asked(owner, limit, cursor)
    return Look(_page(status, cursor is None), asked, partial(_page_of, limit=limit))


def page_and_today(
    *,
    owner: str,
    status: Status | None,
    limit: int,
    cursor: str | None,
    day: str,
    budget_usd: float,
) -> Look[tuple[JobPage, tuple[float, float] | None]]:
    """As `page`, and as `limits.today`: None where no row is there to carry it."""
    asked = _asked(owner, limit, cursor) | {"day": day}

    def meaning(rows: list[Row]) -> tuple[JobPage, tuple[float, float] | None]:
        today = limits.day_in(rows[0], budget_usd) if rows else None
        return _page_of(rows, limit=limit), today

    return Look(_page(status, cursor is None, with_day=True), asked, meaning)


def newest_using(connection: Connection, image_id: str, *, owner: str) -> Job | None:
    """The newest job that needs that stored image."""
    rows = connection.execute(
        sa.select(*job_columns)
        .join(uses, uses.c.job_id == jobs.c.job_id)
        .where(uses.c.image_id == image_id, jobs.c.owner == owner)
        .order_by(jobs.c.created_at.desc(), jobs.c.job_id)
        .limit(1)
    ).mappings()
    return next(iter(jobs_of(rows)), None)


def ids_starting_with(
    connection: Connection, prefix: str, *, owner: str, limit: int
) -> tuple[str, ...]:
    """Newest first."""
    beginning_so = (
        sa.select(jobs.c.job_id)
        .where(jobs.c.owner == owner, jobs.c.job_id.startswith(prefix, autoescape=True))
        .order_by(jobs.c.created_at.desc(), jobs.c.job_id.desc())
    )
    return tuple(connection.scalars(beginning_so.limit(limit)))


@cache
def _page(status: Status | None, is_first: bool, *, with_day: bool = False) -> Lookup:
    """The rows of a page, and one more where there are older ones."""
    day = limits.TODAY if with_day else ()
    query = sa.select(*job_columns, *day).where(jobs.c.owner == sa.bindparam("owner"))
    if status is not None:
        query = query.where(sa.or_(*(jobs.c.stage == stage for stage in stages_of(status))))
    if not is_first:
        after = sa.bindparam("created_at", type_=sa.Float), sa.bindparam("job_id", type_=sa.String)
        query = query.where(sa.tuple_(jobs.c.created_at, jobs.c.job_id) < sa.tuple_(*after))
    newest = query.order_by(jobs.c.created_at.desc(), jobs.c.job_id.desc())
    return Lookup(newest.limit(sa.bindparam("most", type_=sa.Integer)))


def _the_one(rows: list[Row]) -> Job:
    if not rows:
        raise JobNotFound("No job of that id.", argument="job_id")
    return job_of(rows[0])


def _asked(owner: str, limit: int, cursor: str | None) -> dict[str, Any]:
    asked: dict[str, Any] = {"owner": owner, "most": limit + 1}
    if cursor is not None:
        asked["created_at"], asked["job_id"] = _parse_cursor(cursor)
    return asked


def _page_of(rows: list[Row], *, limit: int) -> JobPage:
    page = tuple(jobs_of(rows[:limit]))
    return JobPage(page, _cursor_after(rows[limit - 1]) if len(rows) > limit else None)


def _cursor_after(row: Row) -> str:
    text = json.dumps([row["created_at"], row["job_id"]])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _parse_cursor(cursor: str) -> tuple[float, str]:
    try:
        value: Any = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, binascii.Error, RecursionError):
        value = None
    if isinstance(value, list):
        match cast(list[object], value):
            case [float() as created_at, str() as job_id]:
                return created_at, job_id
            case _:
                pass
    raise InvalidArgument(
        "cursor is not one that list_jobs returned.",
        hint="Leave cursor out to start with the newest job.",
        argument="cursor",
    )
