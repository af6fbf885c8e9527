"""Sets and their members: entering them, making jobs of the members, giving them up."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from mcp_relight.domain.job import TERMINAL, Failure, Job
from mcp_relight.domain.ports import NewJob
from mcp_relight.domain.sets import (
    CANCELLED,
    Member,
    NewMember,
    NewSet,
    PictureSet,
    SetRequest,
    Waiting,
    new_set_id,
)
from mcp_relight.errors import IdempotencyConflict, JobNotFound

from . import limits
from .dialect import insert_unless_there, is_column_ahead
from .due_rows import is_held
from .job_rows import DEDUP_WINDOW_S, cancel_job, insert_jobs
from .reads import get_jobs
from .tables import jobs, set_members, sets

_ENDED_BADLY = ("failed", "cancelled", "expired")
_LOCAL_AHEAD, _REMOTE_AHEAD = 6, 64
"""So many jobs of one set are open at a time: what is asked for meanwhile need not wait for all."""
CLAIM_S = 20.0
"""Where nobody can tell who lives, a claim on a set holds for so long after its last picture."""


def insert_set(connection: Connection, new: NewSet, now: float) -> str:
    """Enter the set, or find the one that answers for the same call; its id. Raises
    BudgetExceeded where its owner may not spend that much."""
    found = _answering(connection, new, now)
    if found is not None:
        return found
    _free_key(connection, new)
    set_id = new_set_id()
    entering = insert_unless_there(connection, sets).values(
        set_id=set_id,
        owner=new.owner,
        dedup_key=new.dedup_key,
        credential_id=new.credential_id,
        request=new.request.model_dump(mode="json"),
        is_open=True,
        created_at=now,
        updated_at=now,
    )
    if connection.scalar(entering.returning(sets.c.set_id)) is None:
        return connection.scalars(sa.select(sets.c.set_id).where(_has_key_of(new))).one()
    earlier = _earlier_jobs(connection, new, now)
    rows = [
        _row_of(set_id, position, member, earlier.get(member.identity))
        for position, member in enumerate(new.members)
    ]
    connection.execute(set_members.insert(), rows)
    waiting = sum(row["reference"] is not None for row in rows)
    limits.check_new_set(connection, new, waiting, now)
    _close_if_complete(connection, set_id, now)
    return set_id


def is_there(connection: Connection, new: NewSet, now: float) -> bool:
    """Whether `insert_set` would enter no job that is not there."""
    if _answering(connection, new, now) is not None:
        return True
    return _earlier_jobs(connection, new, now).keys() >= {one.identity for one in new.members}


def get_set(connection: Connection, set_id: str, *, owner: str) -> PictureSet:
    """Raises JobNotFound."""
    row = (
        connection.execute(sa.select(sets).where(sets.c.set_id == set_id, sets.c.owner == owner))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise JobNotFound("No set of that id.", argument="job_id")
    members = _members(connection, set_id)
    return PictureSet(
        set_id=set_id,
        owner=row["owner"],
        request=SetRequest.model_validate(row["request"], extra="ignore"),
        members=members,
        created_at=row["created_at"],
        updated_at=max([row["updated_at"], *(one.job.updated_at for one in members if one.job)]),
    )


def other_workers(connection: Connection, *, worker: str) -> Sequence[str]:
    """Every other worker that an open set names."""
    return connection.scalars(
        sa.select(sets.c.worker)
        .where(sets.c.is_open, sets.c.worker.is_not(None), sets.c.worker != worker)
        .distinct()
    ).all()


def has_work(
    connection: Connection,
    *,
    worker: str,
    living: Collection[str] | None,
    credentials: Sequence[str],
    now: float,
) -> bool:
    """Whether there is an open set that this worker may take pictures in for. `living` is None
    where nobody can tell: then claims of others end by time."""
    mine = sa.select(sets.c.set_id).where(_mine(worker, living, credentials, now)).limit(1)
    return connection.scalar(mine) is not None


def next_waiting(
    connection: Connection,
    *,
    worker: str,
    living: Collection[str] | None,
    credentials: Sequence[str],
    now: float,
) -> Waiting | None:
    """The next member to be made a job, its set claimed; None while enough of them are open."""
    mine = _mine(worker, living, credentials, now)
    query = sa.select(sets).where(mine).order_by(sets.c.created_at)
    for row in connection.execute(query).mappings().all():
        if not _has_room(connection, row):
            continue
        member = _first_waiting(connection, row["set_id"])
        if member is None:
            _close_if_complete(connection, row["set_id"], now)
            continue
        claiming = sets.update().where(sets.c.set_id == row["set_id"], mine)
        claimed = connection.execute(claiming.values(worker=worker, updated_at=now))
        if claimed.rowcount == 0:  # PostgreSQL alone: another was first
            continue
        request = SetRequest.model_validate(row["request"], extra="ignore")
        return Waiting(row["set_id"], row["owner"], request, member)
    return None


def enter_member(connection: Connection, waiting: Waiting, new: NewJob, now: float) -> Job | None:
    """Make the member a job, or find the one that is there; None when it was given up meanwhile."""
    if not _still_waits(connection, waiting):
        return None
    (job,) = insert_jobs(connection, [new], now)
    _settle(connection, waiting, {"job_id": job.job_id}, now)
    return job


def fail_member(connection: Connection, waiting: Waiting, why: Failure, now: float) -> None:
    if _still_waits(connection, waiting):
        _settle(connection, waiting, {"error": why.model_dump(mode="json")}, now)


def cancel_set(connection: Connection, set_id: str, *, owner: str, now: float) -> PictureSet:
    """Give up every member that has not ended. Raises JobNotFound."""
    found = get_set(connection, set_id, owner=owner)
    connection.execute(
        set_members.update()
        .where(set_members.c.set_id == set_id, set_members.c.reference.is_not(None))
        .values(reference=None, error=CANCELLED.model_dump(mode="json"))
    )
    for member in found.members:
        if member.job is not None and not member.job.is_terminal:
            cancel_job(connection, member.job.job_id, owner=owner, now=now)
    _close_if_complete(connection, set_id, now)
    return get_set(connection, set_id, owner=owner)


def delete_empty(connection: Connection, *, before: float) -> None:
    """Sets that are over and of which no job is left, unless they changed since."""
    with_job = sa.select(set_members.c.set_id).where(set_members.c.job_id.is_not(None))
    connection.execute(
        sets.delete()
        .where(sa.not_(sets.c.is_open), sets.c.updated_at <= before)
        .where(sets.c.set_id.not_in(with_job))
    )
    connection.execute(
        set_members.delete().where(set_members.c.set_id.not_in(sa.select(sets.c.set_id)))
    )


def _answering(connection: Connection, new: NewSet, now: float) -> str | None:
    """The set of the same call, while it is young and nothing of it ended badly. Raises
    IdempotencyConflict."""
    row = connection.execute(
        sa.select(sets.c.set_id, sets.c.created_at, sets.c.request).where(_has_key_of(new))
    ).one_or_none()
    if row is None:
        return None
    if new.keep_key:
        if row.request["request_hash"] != new.request.request_hash:
            raise IdempotencyConflict(
                "idempotency_key was already used for a different request.",
                argument="idempotency_key",
            )
        return row.set_id
    if not (new.is_resumed or now - DEDUP_WINDOW_S <= row.created_at <= now):
        return None
    members = _members(connection, row.set_id)
    return row.set_id if all(_is_good(member) for member in members) else None


def _is_good(member: Member) -> bool:
    return member.status not in ("failed", "cancelled")


def _has_key_of(new: NewSet) -> sa.ColumnElement[bool]:
    return sa.and_(sets.c.owner == new.owner, sets.c.dedup_key == new.dedup_key)


def _free_key(connection: Connection, new: NewSet) -> None:
    connection.execute(sets.update().where(_has_key_of(new)).values(dedup_key=None))


def _earlier_jobs(connection: Connection, new: NewSet, now: float) -> dict[str, str]:
    """Jobs of other sets that made, or will make, the same of the same picture; by identity."""
    is_recent = jobs.c.created_at.between(now - DEDUP_WINDOW_S, now)
    lasts = sa.or_(is_recent, jobs.c.stage == "submit_unknown")
    lasts = sa.and_(lasts, sa.not_(is_column_ahead(jobs.c.created_at, now)))
    rows = connection.execute(
        sa.select(set_members.c.identity, set_members.c.job_id)
        .join(jobs, jobs.c.job_id == set_members.c.job_id)
        .where(set_members.c.identity.in_({member.identity for member in new.members}))
        .where(jobs.c.owner == new.owner, jobs.c.stage.not_in(_ENDED_BADLY))
        .where(sa.true() if new.is_resumed else lasts)
        .order_by(jobs.c.created_at)
    )
    return {row.identity: row.job_id for row in rows}


def _row_of(set_id: str, position: int, member: NewMember, job_id: str | None) -> dict[str, object]:
    return {
        "set_id": set_id,
        "position": position,
        "name": member.name,
        "look": member.look,
        "reference": member.reference if job_id is None else None,
        "identity": member.identity,
        "job_id": job_id,
        "error": None,
    }


def _members(connection: Connection, set_id: str) -> tuple[Member, ...]:
    rows = connection.execute(
        sa.select(set_members)
        .where(set_members.c.set_id == set_id)
        .order_by(set_members.c.position)
    ).mappings()
    found = rows.all()
    there = get_jobs(connection, [row["job_id"] for row in found if row["job_id"] is not None])
    return tuple(_member(row, there.get(row["job_id"])) for row in found)


def _member(row: RowMapping, job: Job | None) -> Member:
    return Member(
        position=row["position"],
        name=row["name"],
        look=row["look"],
        reference=row["reference"],
        job=job,
        error=None if row["error"] is None else Failure.model_validate(row["error"]),
    )


def _mine(
    worker: str, living: Collection[str] | None, credentials: Sequence[str], now: float
) -> sa.ColumnElement[bool]:
    if living is None:
        touched = sets.c.updated_at
        is_free = sa.or_(touched <= now - CLAIM_S, is_column_ahead(touched, now))
    else:
        is_free = sets.c.worker.not_in(sorted(living))
    return sa.and_(
        sets.c.is_open,
        is_held(sets.c.credential_id, credentials),
        sa.or_(sets.c.worker.is_(None), sets.c.worker == worker, is_free),
    )


def _has_room(connection: Connection, row: RowMapping) -> bool:
    most = _LOCAL_AHEAD if row["credential_id"] is None else _REMOTE_AHEAD
    open_jobs = connection.scalar(
        sa.select(sa.func.count())
        .select_from(set_members.join(jobs, jobs.c.job_id == set_members.c.job_id))
        .where(set_members.c.set_id == row["set_id"], jobs.c.stage.not_in(sorted(TERMINAL)))
    )
    return (open_jobs or 0) < most


def _first_waiting(connection: Connection, set_id: str) -> Member | None:
    row = (
        connection.execute(
            sa.select(set_members)
            .where(set_members.c.set_id == set_id, set_members.c.reference.is_not(None))
            .order_by(set_members.c.position)
            .limit(1)
        )
        .mappings()
        .one_or_none()
    )
    return None if row is None else _member(row, None)


def _this(waiting: Waiting) -> sa.ColumnElement[bool]:
    return sa.and_(
        set_members.c.set_id == waiting.set_id,
        set_members.c.position == waiting.member.position,
        set_members.c.reference.is_not(None),
    )


def _still_waits(connection: Connection, waiting: Waiting) -> bool:
    query = sa.select(set_members.c.position).where(_this(waiting)).with_for_update()
    return connection.scalar(query) is not None


def _settle(
    connection: Connection, waiting: Waiting, values: dict[str, object], now: float
) -> None:
    # A signed address is as good as a key: it goes once nobody needs it.
    connection.execute(set_members.update().where(_this(waiting)).values(reference=None, **values))
    _close_if_complete(connection, waiting.set_id, now)


def _close_if_complete(connection: Connection, set_id: str, now: float) -> None:
    is_open = _first_waiting(connection, set_id) is not None
    changes = {"updated_at": now} if is_open else {"is_open": False, "updated_at": now}
    connection.execute(sets.update().where(sets.c.set_id == set_id).values(**changes))
