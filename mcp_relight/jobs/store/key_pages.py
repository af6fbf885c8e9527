"""One-time addresses of pages for keys: their statements, and the store of them."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mcp_relight.domain.owner_keys import KEY_PAGE_WITHIN_S, KeyPage

from .database import Database
from .owner_tables import key_pages


class KeyPageStore:
    """`domain.owner_keys.KeyPages` in the job database, so that any replica shows the page."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, hashed: str, *, owner: str, provider: str) -> KeyPage:
        """Drops those that nobody can use any more."""

        def write(connection: Connection) -> KeyPage:
            now = self._database.now()
            connection.execute(key_pages.delete().where(key_pages.c.expires_at < now))
            row = {"owner": owner, "provider": provider, "expires_at": now + KEY_PAGE_WITHIN_S}
            connection.execute(key_pages.insert().values(hashed=hashed, **row))
            return KeyPage(owner, provider, now + KEY_PAGE_WITHIN_S)

        return await self._database.write(write)

    async def find(self, hashed: str) -> KeyPage | None:
        def find(connection: Connection) -> KeyPage | None:
            columns = (key_pages.c.owner, key_pages.c.provider, key_pages.c.expires_at)
            query = sa.select(*columns).where(self._is(hashed))
            row = connection.execute(query).one_or_none()
            return None if row is None else KeyPage(*row)

        return await self._database.read(find)

    async def use(self, hashed: str) -> bool:
        used = key_pages.delete().where(self._is(hashed))
        return await self._database.write(lambda c: c.execute(used).rowcount == 1)

    def _is(self, hashed: str) -> sa.ColumnElement[bool]:
        now = self._database.now()
        return sa.and_(key_pages.c.hashed == hashed, key_pages.c.expires_at > now)
