"""The job store: the truth about every job. Its statements live in the files beside this one."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mcp_relight import telemetry
from mcp_relight.domain.job import Failure, Job, Stage, Status
from mcp_relight.domain.ports import Forgotten, JobPage, NewJob
from mcp_relight.domain.sets import NewSet, PictureSet, Waiting

from . import (
    cleanup,
    due_rows,
    job_rows,
    limits,
    reads,
    set_rows,
)
from .accounts import AccountStore
from .apart import ApartStore
from .changes import Wakes, Watcher
from .database import BUSY_TIMEOUT_S, PATIENCE_S, Database
from .dialect import put_row
from .hooks import HookStore
from .job_rows import insert_jobs
from .key_pages import KeyPageStore
from .lent import LentStore
from .migrations import schema_version
from .owner_keys import OwnerKeyStore
from .owners import OwnerStore
from .salt import kept_salt
from .tables import catalog
from .uploads import UploadStore


async def migrate(location: Path | str, wakes: Wakes | None = None) -> int:
    """Bring the database to the newest schema, and return its number. Raises as `Store`."""
    database = Database(location, may_migrate=True, wakes=wakes)
    try:
        return await database.read(schema_version)
    finally:
        await database.aclose()


class Store:
    """`domain.ports.Jobs` on SQLite (a path) or PostgreSQL (a URL).

    `is_living` says of a worker id whether that worker still runs, None where no machine can tell;
    with `wakes` a queue beside the store wakes the workers instead. `now` stands in the place of
    the database's clock, which is this machine's where it is a file. Every change is one
    transaction. Beside what each says, every call may raise TimedOut (no answer for `patience_s`),
    StorageFull and Internal.
    """

    def __init__(
        self,
        location: Path | str,
        *,
        is_living: Callable[[str], bool] | None,
        now: Callable[[], float] | None = None,
        patience_s: float = PATIENCE_S,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        wakes: Wakes | None = None,
    ) -> None:
        self._database = Database(
            location, patience_s=patience_s, busy_timeout_s=busy_timeout_s, wakes=wakes
        )
        self._wakes = wakes
        self._watcher = Watcher(self._database)
        self.accounts = AccountStore(self._database)
        self.uploads = UploadStore(self._database)
        self.owners = OwnerStore(self._database)
        self.apart = ApartStore(self._database)
        self.key_pages = KeyPageStore(self._database)
        self.lent = LentStore(self._database)
        self.owner_keys = OwnerKeyStore(self._database)
        self.hooks = HookStore(self._database, now=self.now, wake=self._wake)
        self._is_living = is_living
        self._now = now or self._database.now

    def now(self) -> float:
        """By the database's clock, as far as it is known: one transaction makes it known."""
        return self._now()

    async def examine(self) -> tuple[int, bytes | None]:
        """The number of the schema, and the salt of a team."""

        def look(connection: Connection) -> tuple[int, bytes | None]:
            return schema_version(connection), kept_salt(connection)

        return await self._database.read(look)

    async def queue(self) -> tuple[Mapping[str, int], float]:
        """Open jobs by stage, and for how many seconds the longest due one waits."""
        return await self._database.read(lambda c: due_rows.queue(c, self.now()))

    async def insert(self, new: Sequence[NewJob]) -> tuple[Job, ...]:
        def enter(connection: Connection) -> tuple[Job, ...]:
            jobs = insert_jobs(connection, new, self.now())
            self._wake(connection, *(job for job in jobs if job.stage == "queued"))
            return jobs

        return await self._database.write(enter)

    async def are_there(self, new: Sequence[NewJob]) -> bool:
        return await self._database.read(lambda c: job_rows.are_there(c, new, self.now()))

    async def get(self, job_id: str, *, owner: str | None = None) -> Job:
        return await self._database.look(lambda: reads.the_job(job_id, owner=owner))

    async def list(
        self, *, owner: str, status: Status | None, limit: int, cursor: str | None
    ) -> JobPage:
        asked = reads.page(owner=owner, status=status, limit=limit, cursor=cursor)
        return await self._database.look(lambda: asked)

    async def using(self, image_id: str, *, owner: str) -> Job | None:
        return await self._database.read(lambda c: reads.newest_using(c, image_id, owner=owner))

    async def today(self, *, owner: str, budget_usd: float) -> tuple[float, float]:
        return await self._database.look(
            lambda: limits.today(owner, limits.day_of(self.now()), budget_usd)
        )

    async def list_and_today(
        self,
        *,
        owner: str,
        status: Status | None,
        limit: int,
        cursor: str | None,
        budget_usd: float,
    ) -> tuple[JobPage, tuple[float, float]]:
        asked = partial(
            reads.page_and_today, owner=owner, status=status, limit=limit, cursor=cursor
        )
        page, today = await self._database.look(
            lambda: asked(day=limits.day_of(self.now()), budget_usd=budget_usd)
        )
        return page, today or await self.today(owner=owner, budget_usd=budget_usd)

    async def own_keys_left(
        self, *, owner: str, credentials: Mapping[str, str]
    ) -> Mapping[str, float]:
        return await self._database.read(
            lambda c: limits.left_of_own_keys(c, owner, credentials, limits.day_of(self.now()))
        )

    async def insert_set(self, new: NewSet) -> PictureSet:
        def enter(connection: Connection) -> PictureSet:
            set_id = set_rows.insert_set(connection, new, self.now())
            return set_rows.get_set(connection, set_id, owner=new.owner)

        return await self._database.write(enter)

    async def is_set_there(self, new: NewSet) -> bool:
        return await self._database.read(lambda c: set_rows.is_there(c, new, self.now()))

    async def get_set(self, set_id: str, *, owner: str) -> PictureSet:
        return await self._database.read(lambda c: set_rows.get_set(c, set_id, owner=owner))

    async def cancel_set(self, set_id: str, *, owner: str) -> PictureSet:
        def cancel(connection: Connection) -> PictureSet:
            found = set_rows.cancel_set(connection, set_id, owner=owner, now=self.now())
            jobs = (member.job for member in found.members if member.job is not None)
            self._wake(connection, *(job for job in jobs if not job.is_terminal))
            return found

        return await self._database.write(cancel)

    async def next_waiting(self, *, worker: str, credentials: Sequence[str]) -> Waiting | None:
        return await self._database.write(
            lambda c: set_rows.next_waiting(
                c,
                worker=worker,
                living=self._fillers(c, worker),
                credentials=credentials,
                now=self.now(),
            )
        )

    async def enter_member(self, waiting: Waiting, new: NewJob) -> Job | None:
        def enter(connection: Connection) -> Job | None:
            job = set_rows.enter_member(connection, waiting, new, self.now())
            if job is not None and job.stage == "queued":
                self._wake(connection, job)
            return job

        return await self._database.write(enter)

    async def fail_member(self, waiting: Waiting, why: Failure) -> None:
        await self._database.write(lambda c: set_rows.fail_member(c, waiting, why, self.now()))

    async def request_cancel(self, job_id: str, *, owner: str) -> Job:
        def cancel(connection: Connection) -> Job:
            job = job_rows.cancel_job(connection, job_id, owner=owner, now=self.now())
            self._wake(connection, *(() if job.is_terminal else (job,)))
            return job

        return await self._database.write(cancel)

    def watch(self, job_ids: Sequence[str]) -> AbstractAsyncContextManager[AsyncIterator[Job]]:
        return self._watcher.watch(job_ids)

    async def changed(self, since: int, *, within_s: float) -> int:
        return await self._watcher.changed(since, within_s=within_s)

    async def due(
        self,
        *,
        worker: str,
        credentials: Sequence[str],
        local: int,
        remote: int,
        under_way: Sequence[str] = (),
    ) -> tuple[Job, ...]:
        return await self._database.read(
            lambda c: due_rows.due_jobs(
                c,
                worker=worker,
                living=self._living(c, worker),
                credentials=credentials,
                now=self.now(),
                local=local,
                remote=remote,
                under_way=under_way,
            )
        )

    async def next_due_at(
        self, *, worker: str, credentials: Sequence[str], under_way: Sequence[str] = ()
    ) -> float | None:
        return await self._database.read(
            lambda c: due_rows.next_due_at(
                c,
                worker=worker,
                living=self._living(c, worker),
                credentials=credentials,
                under_way=under_way,
            )
        )

    async def has_waiting(self, *, worker: str, credentials: Sequence[str]) -> bool:
        return await self._database.read(
            lambda c: set_rows.has_work(
                c,
                worker=worker,
                living=self._fillers(c, worker),
                credentials=credentials,
                now=self.now(),
            )
        )

    async def note_stranded(self, *, worker: str, credentials: Sequence[str]) -> None:
        await self._database.write(
            lambda c: due_rows.note_stranded(
                c, living=self._living(c, worker), credentials=credentials, now=self.now()
            )
        )

    async def claim(self, job: Job, worker: str) -> Job | None:
        return await self._database.write(lambda c: job_rows.claim_job(c, job, worker, self.now()))

    async def move(self, job: Job, stage: Stage, **changes: Any) -> Job | None:
        moved = await self._database.write(
            lambda c: job_rows.move_job(c, job, stage, changes, self.now())
        )
        if moved is not None and stage != job.stage:
            telemetry.count_move(stage, job.provider)
        return moved

    async def reserve(self, job: Job, *, day_budget_usd: float, **changes: Any) -> Job | None:
        reserved = await self._database.write(
            lambda c: job_rows.reserve_job(
                c, job, changes, day_budget_usd=day_budget_usd, now=self.now()
            )
        )
        if reserved is not None:
            telemetry.count_move("submitting", job.provider)
            telemetry.count_reserved(job.provider, job.request.price_usd)
        return reserved

    async def may_be_anothers(self, job: Job, ticket: str) -> bool:
        return await self._database.read(lambda c: job_rows.may_be_anothers(c, job, ticket))

    async def take_slot(self, gate: str, *, per_minute: float, burst: int) -> float:
        return await self._database.write(
            lambda c: limits.take_slot(c, gate, per_minute=per_minute, burst=burst, now=self.now())
        )

    async def hold(self, gate: str, seconds: float) -> None:
        await self._database.write(lambda c: limits.hold(c, gate, seconds=seconds, now=self.now()))

    async def forget(self, job_id: str | None, *, owner: str) -> Forgotten:
        return await self._database.write(lambda c: cleanup.forget(c, job_id, owner=owner))

    async def ahead_of(self, job: Job) -> int:
        return await self._database.read(lambda c: due_rows.ahead_of(c, job))

    async def forgettable(self, job_id: str | None, *, owner: str) -> Forgotten:
        return await self._database.read(lambda c: cleanup.forgettable(c, job_id, owner=owner))

    async def starting_with(self, prefix: str, *, owner: str, limit: int) -> tuple[str, ...]:
        return await self._database.read(
            lambda c: reads.ids_starting_with(c, prefix, owner=owner, limit=limit)
        )

    async def prune(
        self,
        *,
        image_bytes: Mapping[str, int],
        max_age_s: float = cleanup.MAX_AGE_S,
        max_bytes: int = cleanup.MAX_BYTES,
    ) -> Forgotten:
        """Delete ended jobs that are too old, then the oldest of them until the images that jobs
        use fit into `max_bytes`. `image_bytes` says how large each stored image is.

        The answer names the images that no job uses. The caller deletes those, except what was
        stored or asked for a moment ago: the row that will use it may be about to be inserted.
        """
        return await self._database.write(
            lambda c: cleanup.prune(
                c,
                now=self.now(),
                max_age_s=max_age_s,
                max_bytes=max_bytes,
                image_bytes=image_bytes,
            )
        )

    async def ended(self, job_ids: Sequence[str]) -> tuple[str, ...]:
        """Those of the jobs that have ended; what is no job of this store is left out."""
        found = await self._database.read(lambda c: reads.get_jobs(c, job_ids))
        return tuple(job.job_id for job in found.values() if job.is_terminal)

    async def cached_catalog(self, provider: str) -> tuple[float, str] | None:
        """When it was fetched, and its JSON text; None where none was ever kept."""
        kept = sa.select(catalog).where(catalog.c.provider == provider)
        row = await self._database.read(lambda c: c.execute(kept).one_or_none())
        return None if row is None else (row.fetched_at, row.content)

    async def keep_catalog(self, provider: str, content: str) -> None:
        """Keep the JSON text of a provider's live catalogue."""

        def keep(connection: Connection) -> None:
            values = {"fetched_at": self.now(), "content": content}
            put_row(connection, catalog, values, provider=provider)

        await self._database.write(keep)

    async def aclose(self) -> None:
        await self._database.aclose()

    def _wake(self, connection: Connection, *jobs: Job) -> None:
        if self._wakes is not None:
            for job in jobs:
                self._wakes.wake(connection.connection.driver_connection, job)

    def _living(self, connection: Connection, worker: str) -> tuple[str, ...]:
        others = due_rows.other_workers(connection, worker=worker)
        return tuple(filter(self._is_living, others)) if self._is_living is not None else ()

    def _fillers(self, connection: Connection, worker: str) -> tuple[str, ...] | None:
        if self._is_living is None:
            return None
        return tuple(filter(self._is_living, set_rows.other_workers(connection, worker=worker)))
