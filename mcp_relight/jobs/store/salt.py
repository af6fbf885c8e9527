"""The salt of a team: in its database, so that every machine names a key alike."""

import secrets
import time

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mcp_relight.errors import TimedOut

from .dialect import insert_unless_there
from .errors import DATABASE_ERRORS, DatabaseOutage
from .postgres import PostgresServer
from .tables import meta

_SALT_BYTES = 32
_WITHIN_S = 20.0
_AGAIN_S = 0.5
_SALT = sa.select(meta.c.content).where(meta.c.name == "salt")


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
            except DATABASE_ERRORS as error:
                problem = server.meaning(error)
            except DatabaseOutage as error:
                problem = error
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
        return bytes.fromhex(connection.execute(_SALT).scalar_one())


def kept_salt(connection: Connection) -> bytes | None:
    """None where nobody has needed one yet, as in the database of one machine."""
    kept = connection.scalar(_SALT)
    return None if kept is None else bytes.fromhex(kept)
