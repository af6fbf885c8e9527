"""Lent pictures: their statements, and the store of them."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mcp_relight.domain.capability import MOST_READS, Lent
from mcp_relight.domain.job import TERMINAL

from .database import Database
from .owner_tables import lent
from .tables import jobs


class LentStore:
    """`domain.lent.Lending` in the job database, so that any replica answers the address."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lend(self, hashed: str, what: Lent, *, life_s: float) -> None:
        def write(connection: Connection) -> None:
            row = {"hashed": hashed, "job_id": what.job_id, "image_id": what.image_id}
            until = self._database.now() + life_s
            connection.execute(lent.insert().values(**row, expires_at=until, reads=0))

        await self._database.write(write)

    async def read(self, hashed: str) -> Lent | None:
        going_on = sa.select(jobs.c.job_id).where(jobs.c.stage.not_in(sorted(TERMINAL)))

        def use(connection: Connection) -> Lent | None:
            used = (
                lent.update()
                .where(lent.c.hashed == hashed, lent.c.reads < MOST_READS)
                .where(lent.c.expires_at > self._database.now(), lent.c.job_id.in_(going_on))
                .values(reads=lent.c.reads + 1)
                .returning(lent.c.job_id, lent.c.image_id)
            )
            row = connection.execute(used).one_or_none()
            return None if row is None else Lent(row.job_id, row.image_id)

        return await self._database.write(use)

    async def of(self, job_id: str) -> tuple[str, ...]:
        query = sa.select(lent.c.image_id).where(lent.c.job_id == job_id).distinct()
        return tuple(await self._database.read(lambda c: c.scalars(query).all()))

    async def take_back(self, job_id: str) -> None:
        gone = lent.delete().where(lent.c.job_id == job_id)
        await self._database.write(lambda c: c.execute(gone).close())

    async def jobs(self) -> tuple[str, ...]:
        query = sa.select(lent.c.job_id).distinct()
        return tuple(await self._database.read(lambda c: c.scalars(query).all()))
