"""Whose the pictures are where everybody's bytes lie apart, as in an object store.

Equal bytes of two owners are two objects, so a picture goes when its owner lets go of it, whoever
else has the same. Its row stays until the bytes are gone for certain: an outage, or the end of the
process that was deleting, leaves it to the next tidy-up.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import limits
from .database import Database
from .owner_tables import images
from .owners import (
    AT_ONCE,
    BURIAL_S,
    UNUSED_S,
    lock_picture,
    no_job_needs_it,
    picture_row,
    used_by_job,
    write_picture,
)

_DYING = -1
"""The bytes of a picture that is being deleted."""


class ApartStore:
    """`domain.owners.Ownership`. Every call is one transaction, and may raise TimedOut,
    StorageFull and Internal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def holds(self, owner: str, image_id: str) -> bool:
        is_kept = sa.and_(picture_row(owner, image_id), images.c.bytes != _DYING)
        by_row = sa.select(sa.literal(1)).where(is_kept)
        found = sa.union_all(by_row, used_by_job(owner, image_id)).limit(1)
        return await self._database.read(lambda c: c.scalar(found) is not None)

    async def keep(self, owner: str, image_id: str, size: int, *, bounded: bool) -> bool:
        def enter(connection: Connection) -> bool:
            now = self._database.now()
            lock_picture(connection, image_id)
            known = connection.execute(_picture(owner, image_id)).one_or_none()
            if _is_being_deleted(known, now):
                return False
            if bounded and (known is None or known.bytes == _DYING):
                limits.check_room(connection, owner, size)
            write_picture(connection, owner, image_id, size, now)
            return True

        return await self._database.write(enter)

    async def let_go(self, owner: str, image_id: str) -> bool:
        def leave(connection: Connection) -> bool:
            now = self._database.now()
            lock_picture(connection, image_id)
            known = connection.execute(_picture(owner, image_id)).one_or_none()
            if connection.scalar(used_by_job(owner, image_id).limit(1)) is not None:
                return False
            if _is_being_deleted(known, now):
                return False
            write_picture(connection, owner, image_id, _DYING, now)
            return True

        return await self._database.write(leave)

    async def buried(self, owner: str, image_id: str, *, is_gone: bool) -> None:
        if not is_gone:
            return
        gone = images.delete().where(picture_row(owner, image_id), images.c.bytes == _DYING)
        await self._database.write(lambda c: c.execute(gone).close())

    async def sizes(self) -> dict[str, int]:
        """The bytes of every picture that somebody has, by id."""
        query = sa.select(images.c.image_id, images.c.bytes).where(images.c.bytes != _DYING)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return {row.image_id: row.bytes for row in rows}

    async def unused(self) -> tuple[tuple[str, str], ...]:
        """Some owners and pictures that no job of theirs needs, and nobody brought in for a day;
        and those of which the deletion was cut off."""
        now = self._database.now()
        cut_off = sa.and_(images.c.bytes == _DYING, images.c.used_at < now - BURIAL_S)
        query = (
            sa.select(images.c.owner, images.c.image_id)
            .where(sa.or_(images.c.used_at < now - UNUSED_S, cut_off), no_job_needs_it())
            .limit(AT_ONCE)
        )
        rows = await self._database.read(lambda c: c.execute(query).all())
        return tuple((owner, image_id) for owner, image_id in rows)


def _picture(owner: str, image_id: str) -> sa.Select[Any, Any]:
    return sa.select(images.c.bytes, images.c.used_at).where(picture_row(owner, image_id))


def _is_being_deleted(known: sa.Row[Any, Any] | None, now: float) -> bool:
    return known is not None and known.bytes == _DYING and known.used_at > now - BURIAL_S
