"""Deleting jobs, and telling which stored images nobody needs any more."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mcp_relight.domain.job import TERMINAL, Stage
from mcp_relight.domain.ports import Forgotten
from mcp_relight.errors import InvalidArgument, JobNotFound

from . import limits, set_rows
from .dialect import is_column_ahead
from .limits import day_of
from .owner_tables import images
from .tables import jobs, set_members, spend, uses

MAX_AGE_S = 30 * 86_400.0
MAX_BYTES = 5_000_000_000
_AT_ONCE = 400
"""Rows per statement; SQLite and PostgreSQL both limit how many values one may carry."""

_IS_TERMINAL = jobs.c.stage.in_(sorted(TERMINAL))


def forget(connection: Connection, job_id: str | None, *, owner: str) -> Forgotten:
    """Raises JobNotFound, and InvalidArgument for a job that still runs."""
    chosen = _chosen(connection, job_id, owner=owner)
    paths = _paths(connection, chosen)
    gone = replace(_delete(connection, chosen, owner=owner), paths=paths)
    if job_id is None:
        set_rows.delete_empty(connection, before=math.inf)
    return gone


def forgettable(connection: Connection, job_id: str | None, *, owner: str) -> Forgotten:
    """What `forget` would delete. Raises the same."""
    chosen = _chosen(connection, job_id, owner=owner)
    leaving = set(chosen)
    users: dict[str, set[str]] = {}
    for user, image_id in connection.execute(_uses_of(owner)):
        users.setdefault(image_id, set()).add(user)
    alone = sorted(image_id for image_id, ids in users.items() if ids <= leaving)
    return Forgotten(len(chosen), tuple(alone), _paths(connection, chosen))


def _chosen(connection: Connection, job_id: str | None, *, owner: str) -> Sequence[str]:
    if job_id is None:
        mine = sa.select(jobs.c.job_id).where(jobs.c.owner == owner, _IS_TERMINAL)
        return connection.scalars(mine).all()
    stage: Stage | None = connection.scalar(
        sa.select(jobs.c.stage).where(jobs.c.job_id == job_id, jobs.c.owner == owner)
    )
    if stage is None:
        raise JobNotFound("No job of that id.", argument="job_id")
    if stage not in TERMINAL:
        raise InvalidArgument(
            "job_id names a job that has not ended.",
            hint="Call cancel_job first, or wait until it ends.",
            argument="job_id",
        )
    return [job_id]


def _paths(connection: Connection, job_ids: Sequence[str]) -> tuple[str, ...]:
    """The named copies of these jobs' pictures, also those of a row that is damaged elsewhere."""
    found: list[str] = []
    for some in _chunks(job_ids):
        for paths in connection.scalars(sa.select(jobs.c.paths).where(jobs.c.job_id.in_(some))):
            found += [path for path in paths or () if isinstance(path, str)]
    return tuple(dict.fromkeys(found))


def prune(
    connection: Connection,
    *,
    now: float,
    max_age_s: float,
    max_bytes: int,
    image_bytes: Mapping[str, int],
) -> Forgotten:
    """Delete ended jobs that are too old, then the oldest until the images that an owner's jobs
    use fit into what they may have.
    Names every stored image that no job uses then, also those that none ever did."""
    # Written before the clock was put back: from now on they count as ended now.
    connection.execute(
        jobs.update()
        .where(_IS_TERMINAL, is_column_ahead(jobs.c.updated_at, now))
        .values(updated_at=now)
    )
    ended = jobs.select().with_only_columns(jobs.c.job_id).where(_IS_TERMINAL)
    old = connection.scalars(ended.where(jobs.c.updated_at < now - max_age_s)).all()
    gone = _delete(connection, old)
    surplus: list[str] = []
    for owner, by_age in _ended_by_owner(connection).items():
        room = limits.room_of(connection, owner) or max_bytes
        surplus += _oldest_that_free(connection, owner, by_age, room, image_bytes)
    more = _delete(connection, surplus)
    set_rows.delete_empty(connection, before=now - max_age_s)
    connection.execute(spend.delete().where(spend.c.day < day_of(now - max_age_s)))
    used = set(connection.scalars(sa.select(uses.c.image_id)))
    used.update(connection.scalars(sa.select(images.c.image_id)))
    unused = (image_bytes.keys() | {*gone.image_ids, *more.image_ids}) - used
    return Forgotten(gone.jobs + more.jobs, tuple(sorted(unused)))


def _ended_by_owner(connection: Connection) -> dict[str, list[str]]:
    """The ended jobs of each owner, oldest first."""
    found: dict[str, list[str]] = {}
    query = sa.select(jobs.c.owner, jobs.c.job_id).where(_IS_TERMINAL)
    for owner, job_id in connection.execute(query.order_by(jobs.c.updated_at, jobs.c.job_id)):
        found.setdefault(owner, []).append(job_id)
    return found


def _uses_of(owner: str) -> sa.Select[Any, Any]:
    query = sa.select(uses.c.job_id, uses.c.image_id)
    return query.join(jobs, jobs.c.job_id == uses.c.job_id).where(jobs.c.owner == owner)


def _oldest_that_free(
    connection: Connection,
    owner: str,
    ended: Sequence[str],
    max_bytes: int,
    image_bytes: Mapping[str, int],
) -> list[str]:
    """The oldest ended jobs whose deletion brings the used images down to `max_bytes`."""
    users: dict[str, set[str]] = {}
    used: dict[str, list[str]] = {}
    for job_id, image_id in connection.execute(_uses_of(owner)):
        users.setdefault(image_id, set()).add(job_id)
        used.setdefault(job_id, []).append(image_id)
    total = sum(image_bytes.get(image_id, 0) for image_id in users)
    surplus: list[str] = []
    for job_id in ended:
        if total <= max_bytes:
            break
        surplus.append(job_id)
        for image_id in used.get(job_id, ()):
            users[image_id].discard(job_id)
            total -= 0 if users[image_id] else image_bytes.get(image_id, 0)
    return surplus


def _delete(
    connection: Connection, job_ids: Sequence[str], *, owner: str | None = None
) -> Forgotten:
    """Names the images that no other job of that owner, or of anybody, uses."""
    rows, touched = 0, set[str]()
    for some in _chunks(job_ids):
        touched |= set(
            connection.scalars(sa.select(uses.c.image_id).where(uses.c.job_id.in_(some)))
        )
        connection.execute(uses.delete().where(uses.c.job_id.in_(some)))
        connection.execute(set_members.delete().where(set_members.c.job_id.in_(some)))
        rows += connection.execute(jobs.delete().where(jobs.c.job_id.in_(some))).rowcount
    for some in _chunks(sorted(touched)):
        still = sa.select(uses.c.image_id).where(uses.c.image_id.in_(some))
        if owner is not None:
            still = still.join(jobs, jobs.c.job_id == uses.c.job_id).where(jobs.c.owner == owner)
        touched -= set(connection.scalars(still))
    return Forgotten(rows, tuple(sorted(touched)))


def _chunks(items: Sequence[str]) -> Iterable[Sequence[str]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
