"""The embedded database: one SQLite file, opened, and replaced when it is damaged."""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from mcp_relight.jobs.locks import FileLock

from .changes import PolledChanges
from .dialect import read_json
from .errors import DatabaseOutage, what_went_wrong
from .migrations import make_ready

_log = logging.getLogger(__name__)


class SqliteFile:
    """`database.Backend` on one file."""

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
