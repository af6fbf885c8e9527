"""Watching jobs: one look at the database per change, however many callers wait."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import anyio

from mcp_relight.domain.job import Job

from .database import POLL_S, Database
from .job_rows import get_jobs


class Watcher:
    """Shares one snapshot of all watched rows among everybody who watches in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watched: Counter[str] = Counter()
        self._snapshot: dict[str, Job] = {}
        self._snapshot_of: tuple[int, frozenset[str]] = (-1, frozenset())
        self._lock = anyio.Lock()

    async def changed(self, since: int, *, within_s: float) -> int:
        """Wait until the version is another than `since`, at most `within_s`."""
        version = await self._database.version()
        with anyio.move_on_after(max(0.0, within_s)):
            while version == since:
                await anyio.sleep(POLL_S)
                version = await self._database.version()
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

    async def _changes(self, job_ids: Sequence[str]) -> AsyncGenerator[Job]:
        shown: dict[str, Job] = {}
        version = -1
        while True:
            version = await self.changed(version, within_s=float("inf"))
            snapshot = await self._look(version, job_ids)
            rows = [snapshot[job_id] for job_id in job_ids if job_id in snapshot]
            for job in rows:
                if shown.get(job.job_id) != job:
                    shown[job.job_id] = job
                    yield job
            if all(job.is_terminal for job in rows):
                return

    async def _look(self, version: int, job_ids: Sequence[str]) -> dict[str, Job]:
        """The watched rows at that version or later."""
        async with self._lock:
            seen_version, seen_ids = self._snapshot_of
            if seen_version != version or not seen_ids.issuperset(job_ids):
                watched = frozenset(self._watched)
                self._snapshot = await self._database.read(lambda c: get_jobs(c, sorted(watched)))
                self._snapshot_of = (version, watched)
            return self._snapshot
