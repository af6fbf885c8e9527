"""Sealed keys of owners: their statements, and the store of them."""

from collections.abc import Mapping
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from mcp_relight.domain.job import Job
from mcp_relight.domain.owner_keys import KeyLimits, SealedKey, is_own
from mcp_relight.domain.words import dollars
from mcp_relight.errors import BudgetExceeded

from .account_tables import owner_keys
from .database import Database
from .dialect import insert_into
from .spend import ROUNDING_USD
from .tables import jobs


class OwnerKeyStore:
    """`domain.owner_keys.SealedKeys` in the job database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, owner: str, provider: str, sealed: str) -> None:
        def write(connection: Connection) -> None:
            values = {"sealed": sealed, "added_at": self._database.now()}
            connection.execute(
                insert_into(connection, owner_keys)
                .values(owner=owner, provider=provider, **values)
                .on_conflict_do_update(index_elements=["owner", "provider"], set_=values)
            )

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


def check_budget(connection: Connection, job: Job, *, usd: float, day: str) -> None:
    """That what this job may cost is left of the day for its owner's own key, if it goes by one.
    The owner's day is locked: of two jobs that each would fit, one waits. Raises BudgetExceeded."""
    if usd <= 0 or not is_own(job.credential_id):
        return
    limit = sa.select(owner_keys.c.daily_budget_usd).where(_is(job.owner, job.provider))
    most_usd = connection.scalar(limit)
    if most_usd is None:
        return
    taken_usd = _taken_usd(connection, job.owner, str(job.credential_id), day)
    if taken_usd + usd > most_usd + ROUNDING_USD:
        raise BudgetExceeded(
            f"This job may cost {dollars(usd)}, more than is left today of the {dollars(most_usd)} "
            f"a day for your own key for {job.provider}.",
            hint="Wait until 00:00 UTC, or ask whoever runs this server for more.",
        )


def left(
    connection: Connection, owner: str, credentials: Mapping[str, str], day: str
) -> dict[str, float]:
    """Dollars left of that day, by provider, of the keys that have a budget of their own."""
    query = sa.select(owner_keys.c.provider, owner_keys.c.daily_budget_usd).where(
        owner_keys.c.owner == owner, owner_keys.c.daily_budget_usd.is_not(None)
    )
    limits = {row.provider: row.daily_budget_usd for row in connection.execute(query)}
    return {
        provider: max(0.0, usd - _taken_usd(connection, owner, credentials[provider], day))
        for provider, usd in limits.items()
        if provider in credentials
    }


def _taken_usd(connection: Connection, owner: str, credential_id: str, day: str) -> float:
    by_this_key = sa.and_(jobs.c.owner == owner, jobs.c.credential_id == credential_id)
    query = sa.select(sa.func.sum(jobs.c.reserved_usd))
    return connection.scalar(query.where(by_this_key, jobs.c.reserved_day == day)) or 0.0


def _is(owner: str, provider: str) -> sa.ColumnElement[bool]:
    return sa.and_(owner_keys.c.owner == owner, owner_keys.c.provider == provider)


def _key_of(row: RowMapping) -> SealedKey:
    limits = KeyLimits(daily_budget_usd=row["daily_budget_usd"], per_minute=row["per_minute"])
    return SealedKey(row["owner"], row["provider"], row["sealed"], row["added_at"], limits)
