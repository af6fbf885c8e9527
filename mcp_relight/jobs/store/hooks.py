"""Hooks: their statements, and the store of them."""

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mcp_relight.domain.job import TERMINAL, Job, Stage

from .database import Database
from .dialect import greater
from .owner_tables import hooks
from .tables import job_columns, job_of, jobs

_KEPT_S = 3600.0
"""After the end of its job; providers repeat themselves."""
_APART_S = 1.0
"""What follows a row's last change sooner than that waits until then."""
_EARLY: tuple[Stage, ...] = ("submitting", "submit_unknown")


class HookStore:
    """`domain.hooks.Hooks` in the job database, so that any replica answers the address. `wake`
    reminds somebody of a row, in the transaction that makes it due."""

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], float],
        wake: Callable[[Connection, Job], None],
    ) -> None:
        self._database = database
        self._now = now
        self._wake = wake

    async def open(self, hashed: str, *, job_id: str) -> None:
        def write(connection: Connection) -> None:
            connection.execute(hooks.delete().where(hooks.c.job_id == job_id))
            connection.execute(hooks.insert().values(hashed=hashed, job_id=job_id))

        await self._database.write(write)

    async def call(self, hashed: str) -> bool:
        job_id, is_of_use = await self._database.read(lambda c: _find(c, hashed, self._now()))
        if job_id is not None and is_of_use:
            await self._database.write(lambda c: self._hurry(c, job_id))
        return job_id is not None

    async def drop_old(self) -> None:
        """Forget those whose jobs are gone, or ended long ago."""
        lasting = sa.select(jobs.c.job_id).where(_lasts(self._now()))
        gone = hooks.delete().where(hooks.c.job_id.not_in(lasting))
        await self._database.write(lambda c: c.execute(gone).close())

    def _hurry(self, connection: Connection, job_id: str) -> None:
        """Have the job looked at soon, or remember to when it can be."""
        now = self._now()
        # Whoever moves the row is waited for: it looks for a call before it ends, or we see its
        # move.
        connection.execute(sa.select(jobs.c.stage).where(jobs.c.job_id == job_id).with_for_update())
        row = connection.execute(
            jobs.update()
            .where(jobs.c.job_id == job_id, _may_be_hurried(now))
            .values(due_at=_soon(now))
            .returning(*job_columns)
        ).mappings()
        for one in row.all():
            self._wake(connection, job_of(one))
        early = sa.select(jobs.c.job_id).where(jobs.c.job_id == job_id, _is_early())
        connection.execute(hooks.update().where(hooks.c.job_id.in_(early)).values(called_at=now))


def soon_if_called(
    connection: Connection, job: Job, stage: Stage, due_at: float, now: float
) -> float:
    """When a job that moves to that stage is due: soon, where it was called for before it could be
    asked about."""
    if stage != "running" or job.stage not in _EARLY:
        return due_at
    called = sa.select(hooks.c.called_at).where(
        hooks.c.job_id == job.job_id, hooks.c.called_at.is_not(None)
    )
    return due_at if connection.scalar(called) is None else min(due_at, now + _APART_S)


def _find(connection: Connection, hashed: str, now: float) -> tuple[str | None, bool]:
    """The job, and whether hurrying it would change anything: of a hundred equal calls, one
    writes."""
    of_use = sa.or_(_may_be_hurried(now), sa.and_(_is_early(), hooks.c.called_at.is_(None)))
    query = (
        sa.select(jobs.c.job_id, of_use.label("is_of_use"))
        .join(hooks, hooks.c.job_id == jobs.c.job_id)
        .where(hooks.c.hashed == hashed, _lasts(now))
    )
    row = connection.execute(query).one_or_none()
    return (None, False) if row is None else (row.job_id, bool(row.is_of_use))


def _is_early() -> sa.ColumnElement[bool]:
    """The provider may have it, and nobody here knows by which ticket."""
    return jobs.c.stage.in_(_EARLY)


def _may_be_hurried(now: float) -> sa.ColumnElement[bool]:
    """Only what the provider can be asked about, and would not be as soon anyway."""
    return sa.and_(jobs.c.stage == "running", jobs.c.due_at > _soon(now))


def _soon(now: float) -> sa.Case[float]:
    """A row changes with every answer of the provider: from then on the second counts."""
    return greater(jobs.c.updated_at + _APART_S, now)


def _lasts(now: float) -> sa.ColumnElement[bool]:
    return sa.or_(jobs.c.stage.not_in(sorted(TERMINAL)), jobs.c.updated_at > now - _KEPT_S)
