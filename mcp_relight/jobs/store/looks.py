"""Looks at PostgreSQL that the event loop itself waits for.

A thread for each costs more than the look: it and the loop take the interpreter from each other,
twice a look.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from sqlalchemy.engine import Engine

from .lookup import Look, Row

if TYPE_CHECKING:
    from psycopg import AsyncConnection

T = TypeVar("T")

_AGAIN_S = 1.0
"""For so long after one that did not come off, threads look in its place: they try again, and can
say what is wrong."""


class Looks:
    """At most `most` connections beside those of `engine`, which says where the database is."""

    def __init__(self, engine: Engine, settings: Mapping[str, Any], *, most: int) -> None:
        """`settings` are those of `engine`'s connections that are not in its URL."""
        self._dialect = engine.dialect
        args, told = self._dialect.create_connect_args(engine.url)
        self._where = (args, {**told, **settings})
        self._turns = anyio.Semaphore(most, fast_acquire=True)
        self._idle: list[AsyncConnection[Any]] = []
        self._not_before = 0.0

    async def rows(self, look: Look[T]) -> list[Row] | None:
        """What the look finds; None where it did not come off."""
        if time.monotonic() < self._not_before:
            return None
        text, values = look.lookup.asked(self._dialect, look.values)
        async with self._turns:
            # One that has begun is never left: its connection would be of no more use.
            with anyio.CancelScope(shield=True):
                try:
                    return look.lookup.named(await self._found(text, values))
                except (self._dialect.loaded_dbapi.Error, OSError):
                    self._not_before = time.monotonic() + _AGAIN_S
                    self.close()  # what ended one has likely ended all
        return None

    def close(self) -> None:
        """Close the connections: those in use, when they are free. Others are opened at need."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.pgconn.finish()

    async def _found(self, text: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        home = self._idle
        connection = home.pop() if home else await self._open()
        is_sound = False
        try:
            cursor = connection.cursor()
            await cursor.execute(text.encode(), values)
            found = await cursor.fetchall()
            is_sound = home is self._idle
        finally:
            if is_sound:
                home.append(connection)
            else:
                connection.pgconn.finish()
        return found

    async def _open(self) -> "AsyncConnection[Any]":
        from psycopg import AsyncConnection  # the extra `team` brings it

        args, told = self._where
        return await AsyncConnection.connect(*args, **told, autocommit=True)
