"""Tokens and the audit trail: their statements, and the store of them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from mcp_relight.domain.access import Token
from mcp_relight.domain.audit import Call, DayOfOwner

from .database import Database
from .dialect import insert_rows
from .limits import day_of
from .owner_tables import audit, owners, tokens
from .tables import spend

_KEPT_DAYS = 400
_DAY_S = 86_400.0


class AccountStore:
    """`domain.access.Tokens` and `domain.audit.Trail` in the job database. Every call is one
    transaction, and may raise TimedOut, StorageFull and Internal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_token(self, token: Token, hashed: str) -> None:
        row = {
            "token_id": token.token_id,
            "hashed": hashed,
            "owner": token.owner,
            "scopes": sorted(token.scopes),
            "name": token.name,
            "created_at": token.created_at,
            "expires_at": token.expires_at,
        }
        await self._database.write(lambda c: c.execute(tokens.insert().values(row)).close())

    async def find_token(self, hashed: str) -> Token | None:
        def find(connection: Connection) -> Token | None:
            disabled = sa.select(owners.c.owner).where(owners.c.is_disabled)
            query = sa.select(tokens).where(tokens.c.hashed == hashed)
            query = query.where(tokens.c.owner.not_in(disabled))
            row = connection.execute(query).mappings().one_or_none()
            found = None if row is None else _token_of(row)
            over = found is not None and (found.expires_at or float("inf")) <= self._database.now()
            return None if over else found

        return await self._database.read(find)

    async def list_tokens(self, *, owner: str | None) -> tuple[Token, ...]:
        query = sa.select(tokens).order_by(tokens.c.created_at)
        if owner is not None:
            query = query.where(tokens.c.owner == owner)
        rows = await self._database.read(lambda c: c.execute(query).mappings().all())
        return tuple(_token_of(row) for row in rows)

    async def revoke_token(self, token_id: str) -> bool:
        gone = tokens.delete().where(tokens.c.token_id == token_id)
        return await self._database.write(lambda c: c.execute(gone).rowcount > 0)

    async def write_calls(self, calls: Sequence[Call]) -> None:
        """Drops what is too old to matter beside it."""
        rows = [_row_of(call) for call in calls]

        def write(connection: Connection) -> None:
            oldest = day_of(self._database.now() - _KEPT_DAYS * _DAY_S)
            connection.execute(audit.delete().where(audit.c.day < oldest))
            insert_rows(connection, audit, rows)

        await self._database.write(write)

    async def days(self, *, since: str) -> tuple[DayOfOwner, ...]:
        return await self._database.read(lambda c: _days(c, since))


def _days(connection: Connection, since: str) -> tuple[DayOfOwner, ...]:
    spent = sa.select(spend.c.owner, spend.c.day, spend.c.usd).where(spend.c.day >= since)
    refused = sa.func.sum(sa.case((audit.c.outcome == "ok", 0), else_=1))
    called = (
        sa.select(audit.c.owner, audit.c.day, sa.func.count(), refused)
        .where(audit.c.day >= since)
        .group_by(audit.c.owner, audit.c.day)
    )
    money = {(owner, day): usd for owner, day, usd in connection.execute(spent)}
    calls = {(owner, day): (n, bad) for owner, day, n, bad in connection.execute(called)}
    return tuple(
        DayOfOwner(
            owner=owner,
            day=day,
            usd=money.get((owner, day), 0.0),
            calls=calls.get((owner, day), (0, 0))[0],
            refused=calls.get((owner, day), (0, 0))[1],
        )
        for day, owner in sorted({(day, owner) for owner, day in [*money, *calls]}, reverse=True)
    )


def _token_of(row: RowMapping) -> Token:
    return Token(
        token_id=row["token_id"],
        owner=row["owner"],
        scopes=frozenset(row["scopes"]),
        name=row["name"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


def _row_of(call: Call) -> dict[str, Any]:
    return {
        "at": call.at,
        "day": day_of(call.at),
        "owner": call.owner,
        "tool": call.tool,
        "job_id": call.job_id,
        "model": call.model,
        "usd": call.usd,
        "outcome": call.outcome,
        "request_id": call.request_id,
    }
