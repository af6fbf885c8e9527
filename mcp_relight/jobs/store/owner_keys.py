"""Sealed keys of owners: their statements, and the store of them."""

from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from mcp_relight.domain.owner_keys import KeyLimits, SealedKey

from .database import Database
from .dialect import put_row
from .owner_tables import owner_keys


class OwnerKeyStore:
    """`domain.owner_keys.SealedKeys` in the job database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, owner: str, provider: str, sealed: str) -> None:
        def write(connection: Connection) -> None:
            values = {"sealed": sealed, "added_at": self._database.now()}
            put_row(connection, owner_keys, values, owner=owner, provider=provider)

        await self._database.write(write)

    async def find(self, owner: str, provider: str) -> SealedKey | None:
        found = await self.list(owner=owner)
        return next((one for one in found if one.provider == provider), None)

    async def list(self, *, owner: str | None = None) -> tuple[SealedKey, ...]:
        query = sa.select(owner_keys).order_by(owner_keys.c.owner, owner_keys.c.provider)
        if owner is not None:
            query = query.where(owner_keys.c.owner == owner)
        rows = await self._database.read(lambda c: c.execute(query).mappings().all())
        return tuple(map(_key_of, rows))

    async def limit(self, owner: str, provider: str, limits: KeyLimits) -> bool:
        changed = owner_keys.update().where(_is(owner, provider)).values(**asdict(limits))
        return await self._database.write(lambda c: c.execute(changed).rowcount > 0)

    async def remove(self, owner: str, provider: str) -> bool:
        gone = owner_keys.delete().where(_is(owner, provider))
        return await self._database.write(lambda c: c.execute(gone).rowcount > 0)


def _is(owner: str, provider: str) -> sa.ColumnElement[bool]:
    return sa.and_(owner_keys.c.owner == owner, owner_keys.c.provider == provider)


def _key_of(row: RowMapping) -> SealedKey:
    limits = KeyLimits(daily_budget_usd=row["daily_budget_usd"], per_minute=row["per_minute"])
    return SealedKey(row["owner"], row["provider"], row["sealed"], row["added_at"], limits)
