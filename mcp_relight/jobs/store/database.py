"""The database under the job store: opening it, running transactions, living through outages."""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from mcp_relight.errors import Internal, TimedOut
from mcp_relight.jobs.locks import FileLock

from .dialect import read_json
from .errors import DatabaseBroken, DatabaseOutage, what_went_wrong
from .tables import SCHEMA_VERSION, meta, metadata

_log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_S = 120.0
BUSY_TIMEOUT_S = 30.0
POLL_S = 0.1
_PAUSES_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class Database:
    """One SQLite file, or one PostgreSQL database by URL.

    `write` and `read` run one transaction each, in a worker thread. An outage is retried for
    `patience_s`, then raises TimedOut; a full disk raises StorageFull. A SQLite file that is
    corrupt is kept aside and a new one started.
    """

    def __init__(
        self,
        location: Path | str,
        *,
        patience_s: float = PATIENCE_S,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        self.path = location if isinstance(location, Path) else None
        self._url = (
            sa.URL.create("sqlite", database=str(location))
            if isinstance(location, Path)
            else sa.make_url(location)
        )
        self._patience_s = patience_s
        self._busy_timeout_s = busy_timeout_s
        self._threads = anyio.CapacityLimiter(16)
        # SQLite has one writer; waiting here is fair, waiting in SQLite is not.
        self._writers = anyio.CapacityLimiter(1 if self.path else 8)
        self._readers = anyio.CapacityLimiter(2 if self.path else 8)
        self._opening = threading.Lock()
        self._opened: tuple[Engine, int] | None = None
        self._version = _Version()

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self._run(work, read_only=False, limiter=self._writers)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._run(work, read_only=True, limiter=self._readers)

    async def version(self) -> int:
        """A number that grows whenever anybody committed anything; checked at most every 0.1 s."""
        async with self._version.lock:
            if time.monotonic() - self._version.checked_at >= POLL_S:
                await self._retry(self._check_version, limiter=self._readers)
                self._version.checked_at = time.monotonic()
            return self._version.number

    async def aclose(self) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._close, limiter=self._writers)

    async def _run(
        self,
        work: Callable[[Connection], T],
        *,
        read_only: bool,
        limiter: anyio.CapacityLimiter,
    ) -> T:
        def transaction() -> T:
            engine = self._engine().execution_options(read_only=read_only)
            with engine.begin() as connection:
                return work(connection)

        return await self._retry(transaction, limiter=limiter)

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
                        hint="Close other programs that use the data folder, then call again.",
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
        with anyio.move_on_after(within_s) as waiting:
            await limiter.acquire_on_behalf_of(turn)
        if waiting.cancelled_caught:
            raise DatabaseOutage
        try:
            return await anyio.to_thread.run_sync(
                lambda: self._attempt(call), limiter=self._threads
            )
        finally:
            limiter.release_on_behalf_of(turn)

    def _attempt(self, call: Callable[[], T]) -> T:
        """One try. Raises DatabaseOutage where another try may help."""
        try:
            return call()
        except (DBAPIError, sqlite3.Error, OSError) as error:
            problem = what_went_wrong(error)
        if isinstance(problem, DatabaseBroken) and self.path is not None:
            self._keep_aside(self.path)
            raise DatabaseOutage
        raise problem

    def _engine(self) -> Engine:
        """The open engine; opened again when the file was replaced under it."""
        with self._opening:
            if self._opened is not None:
                engine, inode = self._opened
                if self.path is None or _inode(self.path) == inode:
                    return engine
                self._dispose()
            if self.path is not None:
                _create_private(self.path)
            engine = self._create_engine()
            try:
                _create_tables(engine)
            except BaseException:
                engine.dispose()
                raise
            self._opened = (engine, _inode(self.path) if self.path else 0)
            return engine

    def _create_engine(self) -> Engine:
        if self.path is None:
            return sa.create_engine(self._url, pool_pre_ping=True)
        engine = sa.create_engine(
            self._url,
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

    def _check_version(self) -> None:
        self._version.check(self._engine())

    def _keep_aside(self, path: Path) -> None:
        """Rename the database file if it is damaged; only one process looks at a time, so none
        renames the fresh file of another."""
        with self._opening:
            self._dispose()
        lock = FileLock.take(path.with_suffix(".repair.lock"), wait_s=self._busy_timeout_s)
        if lock is None:
            raise DatabaseOutage
        try:
            if _is_sound(path):
                return
            kept = _rename_dated(path)
        finally:
            lock.release()
        _log.error(
            "The job database was damaged. It was kept as %s and a new one was started; "
            "the jobs in it are no longer shown.",
            kept.name,
        )

    def _close(self) -> None:
        with self._opening:
            self._dispose()

    def _dispose(self) -> None:
        self._version.close()
        if self._opened is not None:
            self._opened[0].dispose()
            self._opened = None


_VERSION_OF = {
    "sqlite": "PRAGMA data_version",
    # Not the newest transaction's number alone: an older one may commit after it.
    "postgresql": "SELECT pg_current_snapshot()::text",
}


class _Version:
    """Counts how often the database's own version changed; SQLite's has a meaning on one and the
    same connection only."""

    def __init__(self) -> None:
        self.lock = anyio.Lock()
        self.checked_at = 0.0
        self.number = 0
        self._seen: tuple[int, int | str] | None = None
        self._connection: Any = None

    def check(self, engine: Engine) -> None:
        if self._connection is None:
            self._connection = engine.raw_connection()
        cursor = self._connection.cursor()
        try:
            cursor.execute(_VERSION_OF[engine.dialect.name])
            seen = (id(engine), cursor.fetchone()[0])
        finally:
            cursor.close()
            self._connection.rollback()  # PostgreSQL: one transaction would see one snapshot
        if seen != self._seen:
            self._seen = seen
            self.number += 1

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._seen = None


def _create_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _create_tables(engine: Engine) -> None:
    """Make what is missing. A database that has everything is only read: somebody may be writing
    to it for long."""
    with engine.execution_options(read_only=True).begin() as connection:
        if _is_complete(connection) and not _missing_columns(connection):
            return
    with engine.begin() as connection:
        metadata.create_all(connection)
        for column in _missing_columns(connection):
            added = sa.schema.CreateColumn(column).compile(dialect=engine.dialect)
            connection.execute(sa.DDL(f"ALTER TABLE {column.table.name} ADD COLUMN {added}"))
        if not _is_complete(connection):
            connection.execute(meta.insert().values(name="schema", content=str(SCHEMA_VERSION)))


def _is_complete(connection: Connection) -> bool:
    """Whether the tables are all there. Raises Internal for those of a newer version."""
    if not metadata.tables.keys() <= set(sa.inspect(connection).get_table_names()):
        return False
    found = connection.scalar(sa.select(meta.c.content).where(meta.c.name == "schema"))
    if found is not None and int(found) > SCHEMA_VERSION:
        raise Internal(
            "The job database was written by a newer version of mcp-relight.",
            hint="Update mcp-relight, or set MCP_RELIGHT_DATA_DIR to another folder.",
        )
    return found is not None


def _missing_columns(connection: Connection) -> list[sa.Column[Any]]:
    """Those that earlier versions did not have; each has a default."""
    inspector = sa.inspect(connection)
    there = {
        (name, column["name"]) for name in metadata.tables for column in inspector.get_columns(name)
    }
    return [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if (table.name, column.name) not in there
    ]


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
