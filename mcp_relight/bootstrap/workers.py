"""Who carries jobs out: a process of its own, this one, or somebody else."""

from collections.abc import Collection
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
import anyio.to_thread

from mcp_relight.config import Settings
from mcp_relight.config_early import changed
from mcp_relight.jobs.locks import WorkerLock, is_held, lock_path
from mcp_relight.jobs.spawn import Ahead, Spawner, start_ahead
from mcp_relight.pixels.launch import Early

from .parts import Parts
from .tidying import tidy_up, tidy_up_soon

if TYPE_CHECKING:
    from mcp_relight.jobs.worker import Worker

_START_S = 20.0
_LOOK_S = 0.1


class DetachedWorkers:
    """`domain.ports.Workers`: a process of its own, which outlives this one."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._starting = anyio.Lock()
        self._spawner: Spawner | None = None
        self._ahead: Ahead | None = None

    async def ensure(self) -> bool:
        async with self._starting:  # several calls at once, one spawner
            await anyio.to_thread.run_sync(self.start)
        return True

    def start_ahead(self, early: Ahead | None = None) -> None:
        """Start a worker before the first job, or let one begin that was started even before the
        settings were known. Raises Internal."""
        parts = self._parts
        environment = parts.settings.environment()
        if early is not None and early.folder == parts.folder:
            early.begin(changed(environment))
            self._ahead = early
        else:
            self._ahead = start_ahead(parts.folder, environment)
        parts.line = self._ahead.line if self._ahead else None

    def start(self) -> None:
        if self._spawner is None:
            parts = self._parts
            self._spawner = Spawner(
                parts.folder,
                parts.fingerprint,
                environment=parts.settings.environment(),
                ahead=self._ahead,
            )
        self._spawner.ensure()

    async def comes_to_life(self) -> bool:
        """Whether a worker lives soon after one is needed. Raises Internal as `ensure`."""
        lock = lock_path(self._parts.folder, self._parts.fingerprint)
        with anyio.move_on_after(_START_S):
            await self.ensure()
            while not is_held(lock):  # noqa: ASYNC110 - another process takes it: no event to wait for
                await anyio.sleep(_LOOK_S)
            return True
        return False


class InlineWorkers:
    """`domain.ports.Workers`: the same worker inside this process, ended with it."""

    def __init__(self, parts: Parts) -> None:
        # Its own pixel child: looking at a picture must not wait for a rendering.
        self._parts = Parts(parts.settings)
        self._tasks = anyio.create_task_group()
        self._starting = anyio.Lock()
        self._worker: Worker | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if self._worker is not None:
            self._worker.stop()
        if error is not None:
            self._tasks.cancel_scope.cancel()
        try:
            # Without the caller's error, which would come back wrapped in a group of errors.
            await self._tasks.__aexit__(None, None, None)
            return None
        finally:
            with anyio.CancelScope(shield=True):
                await self._parts.aclose()

    async def ensure(self) -> bool:
        async with self._starting:  # several calls at once, one worker
            if self._worker is None:
                lock = WorkerLock.of_one_process(self._parts.folder)
                lock.take()
                self._worker = await anyio.to_thread.run_sync(self._parts.worker, lock)
                self._tasks.start_soon(self._work, self._worker)
        return True

    async def _work(self, worker: "Worker") -> None:
        async with anyio.create_task_group() as chores:
            chores.start_soon(self._parts.pixels.warm_up)
            chores.start_soon(self._parts.keep_lists_fresh)
            chores.start_soon(tidy_up_soon, self._parts)
            await worker.run(idle_s=None)
            chores.cancel_scope.cancel()


class NoWorkers:
    """`domain.ports.Workers` where jobs are carried out elsewhere."""

    async def ensure(self) -> bool:
        return False


async def run_migrations(settings: Settings) -> int:
    """Bring the job database to the newest schema, and return its number."""
    from mcp_relight.jobs.store.store import migrate as bring_forward

    parts = Parts(settings)
    return await bring_forward(parts.database, parts.wakes)


async def run_worker(settings: Settings, early: Early | None = None) -> None:
    """Carry out jobs until there are none for a while. Returns at once when another worker with
    the same keys lives. `early` is a pixel child that was started for this worker."""
    parts = Parts(settings)
    if early is not None:
        parts.pixels.adopt(early)
    lock = WorkerLock(parts.folder, parts.fingerprint)
    # The lock comes first: opening the store is work, and only one may do it.
    if not lock.take():
        await parts.aclose()
        return
    try:
        async with anyio.create_task_group() as tasks:
            # Whoever started this one has a picture: the engine loads beside the rest.
            tasks.start_soon(parts.pixels.warm_up)
            worker = await anyio.to_thread.run_sync(parts.worker, lock)
            tasks.start_soon(tidy_up_soon, parts)
            tasks.start_soon(parts.keep_lists_fresh)
            await worker.run_until_signal(idle_s=settings.worker_idle_s)
            tasks.cancel_scope.cancel()
    finally:
        lock.release()
        with anyio.CancelScope(shield=True):
            await parts.aclose()


async def run_team_worker(settings: Settings, kinds: Collection[str]) -> None:
    """Carry out a team's jobs of these kinds, `remote` and `local`, until SIGTERM or SIGINT."""
    from mcp_relight.jobs.team.worker import TeamWorker

    from .filling import filler

    parts = Parts(settings)
    try:
        await parts.store.ended([])  # opens it: what is wrong with it is said at once
        worker = TeamWorker(
            str(parts.database),
            parts.store,
            parts.steps,
            clock=parts.clock,
            credentials=parts.credentials,
            kinds=kinds,
            tidy=partial(tidy_up, parts),
        )
        async with worker, anyio.create_task_group() as chores:
            chores.start_soon(filler(parts, worker.worker_id).run)
            if "remote" in kinds:
                chores.start_soon(parts.keep_lists_fresh)
            await worker.run_until_signal()
            chores.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await parts.aclose()
