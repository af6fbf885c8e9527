"""The database under the job store: running transactions, living through outages; and the embedded
one, a SQLite file, opened, and replaced when it is damaged."""

import asyncio
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import anyio
import anyio.to_thread
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from mcp_relight.errors import TimedOut
from mcp_relight.jobs.locks import FileLock

from .changes import Changes, PolledChanges, Wakes
from .dialect import read_json
from .errors import DATABASE_ERRORS, DatabaseBroken, DatabaseOutage, what_went_wrong
from .looks import Looks
from .lookup import Look
from .migrations import make_ready
from .postgres import PostgresServer

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


class SqliteFile:
    """`Backend` on one file."""

    # SQLite has one writer; waiting in our own queue is fair, waiting in SQLite is not.
    writers, readers = 1, 2
    patience_hint = "Close other programs that use the data folder, then call again."

    def __init__(self, path: Path, *, busy_timeout_s: float) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._opening = threading.Lock()
        self._opened: tuple[Engine, int] | None = None
        self._version = _Version()

    def engine(self, *, read_only: bool = False) -> Engine:
        """The open engine; opened again when the file was replaced under it."""
        engine = self._open_engine()
        return engine.execution_options(read_only=True) if read_only else engine

    def _open_engine(self) -> Engine:
        with self._opening:
            if self._opened is not None:
                engine, inode = self._opened
                if _inode(self._path) == inode:
                    return engine
                self._dispose()
            _create_private(self._path)
            engine = self._create_engine()
            try:
                make_ready(engine, may_migrate=True)
            except BaseException:
                engine.dispose()
                raise
            self._opened = (engine, _inode(self._path))
            return engine

    def changes(self, run: Callable[[Callable[[], int]], Awaitable[int]]) -> PolledChanges:
        return PolledChanges(lambda: run(lambda: self._version.look(self.engine())))

    def now(self) -> float:
        return time.time()

    def meaning(self, error: Exception) -> Exception:
        return what_went_wrong(error)

    def mend(self) -> None:
        """Rename the database file if it is damaged, so that the next try starts a new one. Only
        one process looks at a time, so none renames the fresh file of another."""
        self.close()
        lock = FileLock.take(self._path.with_suffix(".repair.lock"), wait_s=self._busy_timeout_s)
        if lock is None:
            raise DatabaseOutage
        try:
            if _is_sound(self._path):
                return
            kept = _rename_dated(self._path)
        finally:
            lock.release()
        _log.error(
            "The job database was damaged. It was kept as %s and a new one was started; "
            "the jobs in it are no longer shown.",
            kept.name,
        )

    def looks(self) -> None:
        """SQLite answers in the thread that asks."""

    def close(self) -> None:
        with self._opening:
            self._dispose()

    def _dispose(self) -> None:
        self._version.close()
        if self._opened is not None:
            self._opened[0].dispose()
            self._opened = None

    def _create_engine(self) -> Engine:
        engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(self._path)),
            connect_args={"timeout": self._busy_timeout_s},
            json_deserializer=read_json,
        )

        def configure(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # we write BEGIN ourselves, below
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            # Addresses that were cut out of a row, or went with it, are not left in the file.
            connection.execute("PRAGMA secure_delete=ON")

        def begin(connection: Connection) -> None:
            # A write lock taken late would fail at once instead of waiting its turn.
            read_only = connection.get_execution_options().get("read_only", False)
            connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

        event.listen(engine, "connect", configure)
        event.listen(engine, "begin", begin)
        return engine


class _Version:
    """Counts how often the file's own version changed, which has a meaning on one and the same
    connection only."""

    def __init__(self) -> None:
        self._number = 0
        self._seen: tuple[int, int] | None = None
        self._connection: Any = None

    def look(self, engine: Engine) -> int:
        if self._connection is None:
            self._connection = engine.raw_connection()
        cursor = self._connection.cursor()
        try:
            cursor.execute("PRAGMA data_version")
            seen = (id(engine), cursor.fetchone()[0])
        finally:
            cursor.close()
        if seen != self._seen:
            self._seen = seen
            self._number += 1
        return self._number

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._seen = None


def _create_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return -1


def _is_sound(path: Path) -> bool:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()


def _rename_dated(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    kept = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    path.replace(kept)
    for tail in ("-wal", "-shm"):
        beside = path.with_name(path.name + tail)
        if beside.exists():
            beside.replace(kept.with_name(kept.name + tail))
    return kept
