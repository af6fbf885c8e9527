"""One-time addresses of uploads: their statements, and the store of them."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mcp_relight.domain.capability import UPLOAD_WITHIN_S, Upload

from .database import Database
from .owner_tables import uploads


class UploadStore:
    """`domain.uploads.Uploads` in the job database, so that any replica answers the address."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_upload(self, hashed: str, *, owner: str) -> Upload:
        """Drops those that nobody can use any more."""

        def write(connection: Connection) -> Upload:
            now = self._database.now()
            connection.execute(uploads.delete().where(uploads.c.expires_at < now))
            opened = Upload(owner, now + UPLOAD_WITHIN_S)
            row = {"hashed": hashed, "owner": owner, "expires_at": opened.expires_at}
            connection.execute(uploads.insert().values(row))
            return opened

        return await self._database.write(write)

    async def find_upload(self, hashed: str) -> Upload | None:
        def find(connection: Connection) -> Upload | None:
            query = sa.select(uploads.c.owner, uploads.c.expires_at).where(self._is(hashed))
            row = connection.execute(query).one_or_none()
            return None if row is None else Upload(row.owner, row.expires_at)

        return await self._database.read(find)

    async def use_upload(self, hashed: str) -> bool:
        def use(connection: Connection) -> bool:
            used = uploads.delete().where(self._is(hashed))
            return connection.execute(used).rowcount == 1

        return await self._database.write(use)

    def _is(self, hashed: str) -> sa.ColumnElement[bool]:
        now = self._database.now()
        return sa.and_(uploads.c.hashed == hashed, uploads.c.expires_at > now)
