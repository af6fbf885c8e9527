"""The database under the job store: running transactions, living through outages."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import anyio
import anyio.to_thread
from sqlalchemy.engine import Connection, Engine

from mcp_relight.errors import TimedOut

from .changes import Changes, Wakes
from .errors import DATABASE_ERRORS, DatabaseBroken, DatabaseOutage
from .looks import Looks
from .lookup import Look
from .postgres import PostgresServer
from .sqlite import SqliteFile

_log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_S = 120.0
BUSY_TIMEOUT_S = 30.0
_PAUSES_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class Backend(Protocol):
    """What SQLite and PostgreSQL each do their own way. Called in worker threads; errors of the
    driver pass through."""

    writers: int
    readers: int
    patience_hint: str
    """What a person can do about a database that does not answer."""

    def engine(self, *, read_only: bool = False) -> Engine:
        """Open, with the schema ready; `read_only` for what changes nothing. Raises Internal for a
        schema that cannot be used."""
        ...

    def looks(self) -> Looks | None:
        """What looks without a thread: none before the database is open and its clock known."""
        ...

    def changes(self, run: Callable[[Callable[[], int]], Awaitable[int]]) -> Changes:
        """`run` calls something in a worker thread, through outages."""
        ...

    def now(self) -> float:
        """Seconds since 1970, by the clock that everybody of this database goes by."""
        ...

    def meaning(self, error: Exception) -> Exception:
        """What an error of this database means: see `errors.what_went_wrong`."""
        ...

    def mend(self) -> None:
        """Put a damaged database aside. Raises DatabaseOutage while somebody else does."""
        ...

    def close(self) -> None: ...


class Database:
    """One SQLite file, or one PostgreSQL database by URL.

    `write` runs one transaction, `read` some looks, each in a worker thread, `look` does a single
    one without where it can. An outage is retried for `patience_s`, then raises TimedOut; a full
    disk raises StorageFull. A SQLite file that is corrupt is kept aside and a new one started.
    """

    def __init__(
        self,
        location: Path | str,
        *,
        patience_s: float = PATIENCE_S,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        may_migrate: bool = False,
        wakes: Wakes | None = None,
    ) -> None:
        """A file of an older schema is always brought forward, a server's database only with
        `may_migrate`: others may be using it."""
        self._backend: Backend = (
            SqliteFile(location, busy_timeout_s=busy_timeout_s)
            if isinstance(location, Path)
            else PostgresServer(location, may_migrate=may_migrate, wakes=wakes)
        )
        self._patience_s = patience_s
        both = self._backend.writers + self._backend.readers
        self._threads = ThreadPoolExecutor(both, thread_name_prefix="jobs")
        self._writers = anyio.CapacityLimiter(self._backend.writers)
        self._readers = anyio.CapacityLimiter(self._backend.readers)
        self.changes = self._backend.changes(partial(self._retry, limiter=self._readers))

    def now(self) -> float:
        """Seconds since 1970, by the clock that everybody of this database goes by; inside a
        transaction, where it is sure to be known."""
        return self._backend.now()

    async def write(self, work: Callable[[Connection], T]) -> T:
        def transaction() -> T:
            with self._backend.engine().begin() as connection:
                return work(connection)

        return await self._retry(transaction, limiter=self._writers)

    async def read(self, work: Callable[[Connection], T]) -> T:
        def look() -> T:
            with self._backend.engine(read_only=True).connect() as connection:
                return work(connection)

        return await self._retry(look, limiter=self._readers)

    async def look(self, make: Callable[[], Look[T]]) -> T:
        """As `read`, where one SELECT says all. `make` is called when the clock is known."""
        if (looks := self._backend.looks()) is not None:
            look = make()
            if (rows := await looks.rows(look)) is not None:
                return look.meaning(rows)
        return await self.read(lambda connection: make().on(connection))

    async def aclose(self) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._backend.close, limiter=self._writers)
        self._threads.shutdown(wait=False)  # what they do still may take an outage long

    async def _retry(self, call: Callable[[], T], *, limiter: anyio.CapacityLimiter) -> T:
        deadline = time.monotonic() + self._patience_s
        tries = 0
        while True:
            try:
                return await self._in_turn(call, limiter, within_s=deadline - time.monotonic())
            except DatabaseOutage:
                if time.monotonic() >= deadline:
                    raise TimedOut(
                        f"The job database did not answer for {self._patience_s:g} s.",
                        hint=self._backend.patience_hint,
                    ) from None
                if tries == 0:
                    _log.warning("The job database does not answer; trying again.")
            await anyio.sleep(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])
            tries += 1

    async def _in_turn(
        self, call: Callable[[], T], limiter: anyio.CapacityLimiter, *, within_s: float
    ) -> T:
        """One try. Waiting behind others of this process is part of the patience; a try that has
        begun is never left."""
        turn = object()
        try:
            limiter.acquire_on_behalf_of_nowait(turn)
        except anyio.WouldBlock:
            with anyio.move_on_after(within_s) as waiting:
                await limiter.acquire_on_behalf_of(turn)
            if waiting.cancelled_caught:
                raise DatabaseOutage from None
        try:
            context = copy_context()
            begun = asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: context.run(self._attempt, call)
            )
            with anyio.CancelScope(shield=True):
                await asyncio.wait((begun,))
            return begun.result()
        finally:
            limiter.release_on_behalf_of(turn)

    def _attempt(self, call: Callable[[], T]) -> T:
        """One try. Raises DatabaseOutage where another try may help."""
        try:
            return call()
        except DATABASE_ERRORS as error:
            problem = self._backend.meaning(error)
        if isinstance(problem, DatabaseBroken):
            self._backend.mend()
            raise DatabaseOutage
        raise problem
