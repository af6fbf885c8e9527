"""Owners and whose the pictures are: their statements, and the store of them."""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from mcp_relight.domain.owners import Limits, Owner, Use

from . import limits
from .database import Database
from .dialect import insert_into, insert_unless_there
from .owner_tables import images, owners
from .tables import jobs, uses

_NOBODY = ""
BURIAL_S = 60.0
"""Whoever takes longer to delete bytes was killed meanwhile."""
UNUSED_S = 86_400.0
"""A picture that was asked for more recently may be on its way into a job that has no row yet."""
AT_ONCE = 400


class OwnerStore:
    """`domain.owners.Owners` and `Ownership` in the job database. Every call is one transaction,
    and may raise TimedOut, StorageFull and Internal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, owner: str) -> Owner | None:
        query = sa.select(owners).where(owners.c.owner == owner)
        row = await self._database.read(lambda c: c.execute(query).mappings().one_or_none())
        return None if row is None else _owner_of(row)

    async def add(self, owner: Owner) -> bool:
        def enter(connection: Connection) -> bool:
            row = _row_of(owner) | {"owner": owner.owner, "created_at": self._database.now()}
            entering = insert_unless_there(connection, owners).values(row)
            return connection.scalar(entering.returning(owners.c.owner)) is not None

        return await self._database.write(enter)

    async def change(self, owner: Owner) -> bool:
        changing = owners.update().where(owners.c.owner == owner.owner).values(_row_of(owner))
        return await self._database.write(lambda c: c.execute(changing).rowcount > 0)

    async def list(self) -> tuple[Use, ...]:
        def every(connection: Connection) -> tuple[Use, ...]:
            rows = connection.execute(sa.select(owners).order_by(owners.c.owner)).mappings().all()
            return tuple(self._use(connection, _owner_of(row)) for row in rows)

        return await self._database.read(every)

    async def holds(self, owner: str, image_id: str) -> bool:
        by_row = sa.select(sa.literal(1)).where(picture_row(owner, image_id))
        found = sa.union_all(by_row, used_by_job(owner, image_id)).limit(1)
        return await self._database.read(lambda c: c.scalar(found) is not None)

    async def keep(self, owner: str, image_id: str, size: int, *, bounded: bool) -> bool:
        def enter(connection: Connection) -> bool:
            now = self._database.now()
            lock_picture(connection, image_id)
            if _is_being_deleted(connection, image_id, now):
                return False
            values = {"bytes": size, "used_at": now}
            again = images.update().where(picture_row(owner, image_id)).values(values)
            if connection.execute(again).rowcount:
                return True
            if bounded:
                limits.check_room(connection, owner, size)
            write_picture(connection, owner, image_id, size, now)
            return True

        return await self._database.write(enter)

    async def let_go(self, owner: str, image_id: str) -> bool:
        def leave(connection: Connection) -> bool:
            lock_picture(connection, image_id)
            connection.execute(images.delete().where(picture_row(owner, image_id)))
            kept = sa.union_all(
                sa.select(sa.literal(1)).where(images.c.image_id == image_id),
                sa.select(sa.literal(1)).where(uses.c.image_id == image_id),
            )
            if connection.scalar(kept.limit(1)) is not None:
                return False
            now = self._database.now()
            row = {"owner": _NOBODY, "image_id": image_id, "bytes": 0}
            connection.execute(images.insert().values(**row, created_at=now, used_at=now))
            return True

        return await self._database.write(leave)

    async def buried(self, owner: str, image_id: str, *, is_gone: bool) -> None:
        gone = images.delete().where(picture_row(_NOBODY, image_id))
        await self._database.write(lambda c: c.execute(gone).close())

    async def sizes(self) -> dict[str, int]:
        """The bytes of every picture that somebody has, by id."""
        query = sa.select(images.c.image_id, images.c.bytes).where(images.c.owner != _NOBODY)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return {row.image_id: row.bytes for row in rows}

    async def unused(self) -> tuple[tuple[str, str], ...]:
        """Some owners and pictures that no job of theirs needs, and nobody brought in for a day."""
        query = (
            sa.select(images.c.owner, images.c.image_id)
            .where(images.c.used_at < self._database.now() - UNUSED_S, no_job_needs_it())
            .where(images.c.owner != _NOBODY)
            .limit(AT_ONCE)
        )
        rows = await self._database.read(lambda c: c.execute(query).all())
        return tuple((owner, image_id) for owner, image_id in rows)

    def _use(self, connection: Connection, owner: Owner) -> Use:
        day = limits.day_of(self._database.now())
        return Use(
            owner,
            open_jobs=limits.open_jobs(connection, owner.owner),
            bytes=limits.bytes_of(connection, owner.owner),
            spent_today_usd=limits.spent(connection, owner=owner.owner, day=day),
        )


def picture_row(owner: str, image_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(images.c.owner == owner, images.c.image_id == image_id)


def write_picture(connection: Connection, owner: str, image_id: str, size: int, now: float) -> None:
    values = {"bytes": size, "used_at": now}
    connection.execute(
        insert_into(connection, images)
        .values(owner=owner, image_id=image_id, created_at=now, **values)
        .on_conflict_do_update(index_elements=["owner", "image_id"], set_=values)
    )


def used_by_job(
    owner: str | sa.ColumnElement[str], image_id: str | sa.ColumnElement[str]
) -> sa.Select[Any]:
    """A row for each job of that owner that needs the picture."""
    return (
        sa.select(sa.literal(1))
        .join_from(uses, jobs, uses.c.job_id == jobs.c.job_id)
        .where(uses.c.image_id == image_id, jobs.c.owner == owner)
    )


def no_job_needs_it() -> sa.ColumnElement[bool]:
    """Of a row of `images`: no job of its owner."""
    return sa.not_(used_by_job(images.c.owner, images.c.image_id).exists())


def _is_being_deleted(connection: Connection, image_id: str, now: float) -> bool:
    since = connection.scalar(sa.select(images.c.created_at).where(picture_row(_NOBODY, image_id)))
    if since is None:
        return False
    if since > now - BURIAL_S:
        return True
    connection.execute(images.delete().where(picture_row(_NOBODY, image_id)))
    return False


def lock_picture(connection: Connection, image_id: str) -> None:
    """Until the transaction ends, of whoever keeps or lets go of this picture one goes first.
    SQLite's has locked the whole file as it began."""
    if connection.dialect.name == "postgresql":
        number = int(image_id[:15], 16)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def _row_of(owner: Owner) -> dict[str, Any]:
    return {"name": owner.name, "is_disabled": owner.is_disabled} | asdict(owner.limits)


def _owner_of(row: RowMapping) -> Owner:
    limits = Limits(**{name: row[name] for name in Limits.__slots__})
    return Owner(
        owner=row["owner"],
        name=row["name"],
        is_disabled=row["is_disabled"],
        limits=limits,
        created_at=row["created_at"],
    )
