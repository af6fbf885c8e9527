"""Who waits for which change: versions that grow, who watches jobs, and whom to wake."""

import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import anyio
from anyio.lowlevel import EventLoopToken, current_token

from mcp_relight.domain.job import Job

from .reads import get_jobs

if TYPE_CHECKING:
    from .database import Database

_SOONEST_S, _LATEST_S = 0.02, 0.05
_OF_THE_QUIET = 0.02
_REMEMBERED = 20_000


class Changes(Protocol):
    """Changes of the database, by whomever they were made."""

    version: int
    """Grows whenever anything changed; -1 while nobody looked."""

    async def now(self) -> int:
        """The version now."""
        ...

    async def newer(self, since: int, of: Collection[str] | None = None) -> int:
        """Wait until the version is another than `since`; with `of` at least until one of these
        jobs may have changed. Returns the version now."""
        ...

    def may_have_changed(self, job_id: str, since: int) -> bool: ...


def pause_s(quiet_s: float) -> float:
    """How long to wait before the next look, when nothing has changed for so many seconds: what has
    just begun is waited for more closely than what takes minutes."""
    return min(_LATEST_S, max(_SOONEST_S, _OF_THE_QUIET * quiet_s))


class PolledChanges:
    """SQLite: its own version is looked at every 0.02 to 0.05 s, however many wait, while somebody
    does."""

    def __init__(self, look: Callable[[], Awaitable[int]]) -> None:
        self.version = -1
        self._look = look
        self._lock = anyio.Lock()
        self._looked_at = 0.0
        self._changed_at = time.monotonic()

    async def newer(self, since: int, of: Collection[str] | None = None) -> int:
        while await self.now() == since:  # noqa: ASYNC110 - others write it: no event to wait for
            await anyio.sleep(pause_s(self._looked_at - self._changed_at))
        return self.version

    def may_have_changed(self, job_id: str, since: int) -> bool:
        return self.version != since

    async def now(self) -> int:
        async with self._lock:
            if time.monotonic() - self._looked_at >= pause_s(self._looked_at - self._changed_at):
                version, before = await self._look(), self.version
                self.version, self._looked_at = version, time.monotonic()
                if version != before:
                    self._changed_at = self._looked_at
            return self.version


class ToldChanges:
    """PostgreSQL: `tell` is called with the ids of jobs that changed. Whoever waits for others
    sleeps on."""

    def __init__(self, start: Callable[[EventLoopToken], None]) -> None:
        """`start` makes sure that somebody listens."""
        self.version = 0
        self._start = start
        self._all_at = 0
        self._changed_at: dict[str, int] = {}
        self._of_any: set[anyio.Event] = set()
        self._of_job: dict[str, set[anyio.Event]] = {}

    def tell(self, changed: frozenset[str] | None) -> None:
        self.version += 1
        if changed is None or len(self._changed_at) > _REMEMBERED:
            self._changed_at.clear()
            self._all_at = self.version
            woken = [self._of_any, *self._of_job.values()]
        else:
            self._changed_at |= dict.fromkeys(changed, self.version)
            woken = [self._of_any, *(self._of_job.get(job_id, set()) for job_id in changed)]
        for events in woken:
            for event in events:
                event.set()

    async def now(self) -> int:
        self._start(current_token())
        return self.version

    async def newer(self, since: int, of: Collection[str] | None = None) -> int:
        self._start(current_token())
        if not self._is_newer(since, of):
            await self._told(of)
        return self.version

    def may_have_changed(self, job_id: str, since: int) -> bool:
        return max(self._all_at, self._changed_at.get(job_id, 0)) > since

    def _is_newer(self, since: int, of: Collection[str] | None) -> bool:
        if of is None:
            return self.version != since
        return any(self.may_have_changed(job_id, since) for job_id in of)

    async def _told(self, of: Collection[str] | None) -> None:
        event = anyio.Event()
        places = (
            [self._of_any]
            if of is None
            else [self._of_job.setdefault(job_id, set()) for job_id in of]
        )
        for place in places:
            place.add(event)
        try:
            await event.wait()
        finally:
            for place in places:
                place.discard(event)
            for job_id in of or ():
                if not self._of_job.get(job_id, True):
                    del self._of_job[job_id]


class Wakes(Protocol):
    """Reminders to look at a row, in the transaction that makes it due: both are there, or neither.

    `connection` is the driver's own, inside that transaction.
    """

    def make_ready(self, connection: Any, *, may_migrate: bool) -> None:
        """Make or bring forward its tables. Raises Internal where it may not."""
        ...

    def wake(self, connection: Any, job: Job) -> None:
        """Somebody looks at this row now."""
        ...


class Watcher:
    """Shares the watched rows, read once per change, among all who watch in this process: one look
    at the database per change, however many callers wait."""

    def __init__(self, database: "Database") -> None:
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
