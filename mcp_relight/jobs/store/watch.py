"""Watching jobs: one look at the database per change, however many callers wait."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import anyio

from mcp_relight.domain.job import Job

from .database import Database
from .reads import get_jobs


class Watcher:
    """Shares the watched rows, read once per change, among all who watch in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes_of = database.changes
        self._watched: Counter[str] = Counter()
        self._read_at: dict[str, int] = {}
        self._rows: dict[str, Job] = {}
        self._lock = anyio.Lock()

    async def changed(self, since: int, *, within_s: float) -> int:
        """Wait until the version is another than `since`, at most `within_s`."""
        version = await self._changes_of.now()
        with anyio.move_on_after(max(0.0, within_s)):
            return await self._changes_of.newer(since)
        return version

    @asynccontextmanager
    async def watch(self, job_ids: Sequence[str]) -> AsyncGenerator[AsyncIterator[Job]]:
        self._watched.update(job_ids)
        try:
            async with aclosing(self._changes(job_ids)) as changes:
                yield changes
        finally:
            self._watched.subtract(job_ids)
            self._watched += Counter()
            for job_id in set(job_ids) - self._watched.keys():
                self._read_at.pop(job_id, None)
                self._rows.pop(job_id, None)

    async def _changes(self, job_ids: Sequence[str]) -> AsyncGenerator[Job]:
        shown: dict[str, Job] = {}
        version = -1
        while True:
            version = await self._changes_of.newer(version, job_ids)
            await self._read_what_changed()
            rows = [self._rows[job_id] for job_id in job_ids if job_id in self._rows]
            for job in rows:
                if shown.get(job.job_id) != job:
                    shown[job.job_id] = job
                    yield job
            if all(job.is_terminal for job in rows):
                return

    async def _read_what_changed(self) -> None:
        async with self._lock:
            version = self._changes_of.version
            stale = [job_id for job_id in self._watched if self._is_stale(job_id)]
            if not stale:
                return
            rows = await self._database.read(lambda c: get_jobs(c, sorted(stale)))
            for job_id in stale:
                self._rows.pop(job_id, None)
            self._rows |= rows
            self._read_at |= dict.fromkeys(stale, version)

    def _is_stale(self, job_id: str) -> bool:
        read_at = self._read_at.get(job_id)
        return read_at is None or self._changes_of.may_have_changed(job_id, read_at)
