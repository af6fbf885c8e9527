"""The salt of a team: in its database, so that every machine names a key alike."""

import secrets
import time

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from mcp_relight.errors import TimedOut

from .dialect import insert_unless_there
from .errors import DatabaseOutage, what_went_wrong
from .postgres import PostgresServer
from .tables import meta

_SALT_BYTES = 32
_WITHIN_S = 20.0
_AGAIN_S = 0.5


def shared_salt(url: str) -> bytes:
    """Made by whoever needs it first. Waits in this thread, for it is needed before anything runs.

    With two salts one key would have two rate gates, and rows that no worker may touch. Raises
    TimedOut and Internal.
    """
    deadline = time.monotonic() + _WITHIN_S
    server = PostgresServer(url, may_migrate=False)
    try:
        while True:
            try:
                return _read_or_make(server)
            except DBAPIError as error:
                problem = what_went_wrong(error)
            if not isinstance(problem, DatabaseOutage):
                raise problem from None
            if time.monotonic() >= deadline:
                raise TimedOut(
                    f"The job database did not answer for {_WITHIN_S:g} s.",
                    hint=server.patience_hint,
                ) from None
            time.sleep(_AGAIN_S)
    finally:
        server.close()


def _read_or_make(server: PostgresServer) -> bytes:
    with server.engine().begin() as connection:
        connection.execute(
            insert_unless_there(connection, meta).values(
                name="salt", content=secrets.token_hex(_SALT_BYTES)
            )
        )
        kept = connection.execute(sa.select(meta.c.content).where(meta.c.name == "salt"))
        return bytes.fromhex(kept.scalar_one())
