"""The worker: claims due jobs, advances many at once, makes jobs of the pictures of sets, one after
the other, and leaves when there is nothing to do."""

import logging
import math
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.domain.job import Failure, Job
from mcp_relight.domain.ports import Clock, Jobs, NewJob
from mcp_relight.domain.set_ports import Sets
from mcp_relight.domain.sets import Waiting
from mcp_relight.errors import Internal, RelightError, StorageFull, TimedOut

from .locks import WorkerLock
from .steps import Steps

_log = logging.getLogger(__name__)

IDLE_S = 60.0
GRACE_S = 8.0
"""After a signal, this long for calls under way to end by themselves."""
_LOOK_S = 1.0
_AFTER_TROUBLE_S = 5.0
_NOTE_EVERY_S = 10.0
_PUT_BACK_S = 3.0
MAX_TRIES = 3
"""To take in a picture of a set, where the trouble may pass."""

Enter = Callable[[Waiting], Awaitable[NewJob]]
"""Takes the picture of a member in. Raises what a call for this picture alone would."""


class Filler:
    def __init__(
        self,
        sets: Sets,
        jobs: Jobs,
        enter: Enter,
        *,
        worker: str,
        credentials: Sequence[str],
        clock: Clock,
    ) -> None:
        self._sets = sets
        self._jobs = jobs
        self._enter = enter
        self._worker = worker
        self._credentials = tuple(credentials)
        self._clock = clock
        self._tries: dict[tuple[str, int], int] = {}

    async def has_work(self) -> bool:
        return await self._sets.has_waiting(worker=self._worker, credentials=self._credentials)

    async def run(self) -> None:
        """Until it is cancelled."""
        version = -1
        while True:
            try:
                waiting = None
                if await self.has_work():
                    waiting = await self._sets.next_waiting(
                        worker=self._worker, credentials=self._credentials
                    )
                if waiting is None:
                    version = await self._jobs.changed(version, within_s=_LOOK_S)
                else:
                    await self._fill(waiting)
            except RelightError as error:
                _log.warning("Pictures of a set wait for the job store: %s", error.code)
                await self._clock.sleep(_AFTER_TROUBLE_S)

    async def _fill(self, waiting: Waiting) -> None:
        """Raises only what has nothing to do with the picture, so that it goes on waiting."""
        try:
            with acting_as(Caller(waiting.owner)):
                new = await self._enter(waiting)
        except RelightError as error:
            if isinstance(error, (StorageFull, TimedOut)) and self._may_try_again(waiting):
                raise
            await self._sets.fail_member(waiting, Failure.of(error))
            return
        except Exception:  # noqa: BLE001 - outermost: one broken picture must not stop the others
            _log.exception("A picture of %s could not be taken in.", waiting.set_id)
            await self._sets.fail_member(waiting, Failure.of(Internal("It could not be read.")))
            return
        await self._sets.enter_member(waiting, new)

    def _may_try_again(self, waiting: Waiting) -> bool:
        key = (waiting.set_id, waiting.member.position)
        self._tries[key] = self._tries.get(key, 0) + 1
        return self._tries[key] < MAX_TRIES


@dataclass(slots=True)
class _Active:
    """A job somebody works on right now."""

    is_local: bool
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class Worker:
    """Advances every job it may: its own, and those no living worker holds.

    `lock` must be held. `credentials` are the ids of the keys this process has; local jobs need
    none. At most `local_at_once` local and `remote_at_once` remote steps run at the same time; a
    job that waits for its provider is a row, not a task.
    """

    def __init__(
        self,
        jobs: Jobs,
        steps: Steps,
        lock: WorkerLock,
        *,
        clock: Clock,
        credentials: Sequence[str] = (),
        local_at_once: int = 1,
        remote_at_once: int = 64,
        grace_s: float = GRACE_S,
        filler: Filler | None = None,
    ) -> None:
        self._jobs = jobs
        self._steps = steps
        self._lock = lock
        self._clock = clock
        self._credentials = tuple(credentials)
        self._local_at_once = local_at_once
        self._remote_at_once = remote_at_once
        self._grace_s = grace_s
        self._filler = filler
        self._active: dict[str, _Active] = {}
        self._is_stopping = False
        self._noted_at = -math.inf

    async def run(self, *, idle_s: float | None = IDLE_S) -> None:
        """Work until there was nothing to do for `idle_s` (None: for ever), or until `stop`.

        A leaving worker releases its lock, then looks once more: a row committed before the
        release is either seen here, or its writer finds the lock free and starts a worker.
        """
        try:
            while True:
                await self._work(idle_s)
                self._lock.release()
                if self._is_stopping or not await self._has_work() or not self._lock.take():
                    return
        finally:
            self._lock.release()

    async def run_until_signal(self, *, idle_s: float | None = IDLE_S) -> None:
        """`run`, ending in good order on SIGTERM or SIGINT."""
        if sys.platform == "win32":
            await self.run(idle_s=idle_s)
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._stop_on_signal)
            await self.run(idle_s=idle_s)
            tasks.cancel_scope.cancel()

    def stop(self) -> None:
        """Claim nothing more, bring what is under way to a safe end, and leave."""
        self._is_stopping = True

    async def _stop_on_signal(self) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                self.stop()

    async def _work(self, idle_s: float | None) -> None:
        async with anyio.create_task_group() as tasks:
            async with anyio.create_task_group() as filling:
                if self._filler is not None:
                    filling.start_soon(self._filler.run)
                await self._look_until_idle(tasks, idle_s)
                filling.cancel_scope.cancel()
            # Local calls are put back for the next worker. Remote ones may end by themselves
            # first: a submit cut off in the middle has an unknown outcome.
            for active in self._active.values():
                if active.is_local:
                    active.scope.cancel()
            tasks.cancel_scope.deadline = anyio.current_time() + self._grace_s

    async def _look_until_idle(self, tasks: TaskGroup, idle_s: float | None) -> None:
        version = -1
        busy_at = anyio.current_time()
        wait_s = 0.0
        while not self._is_stopping:
            version = await self._changed(version, within_s=wait_s)
            next_due_at = await self._look(tasks)
            if self._active or next_due_at is not None:
                busy_at = anyio.current_time()
            elif idle_s is not None and anyio.current_time() - busy_at >= idle_s:
                return
            else:
                await self._note_stranded()
            due_in_s = _LOOK_S if next_due_at is None else next_due_at - self._clock.now()
            wait_s = min(_LOOK_S, max(0.1, due_in_s))

    async def _changed(self, version: int, *, within_s: float) -> int:
        """Wait for a change; also through an outage of the database."""
        try:
            return await self._jobs.changed(version, within_s=within_s)
        except RelightError as error:
            _log.warning("The job store cannot be watched: %s", error.code)
            await self._clock.sleep(_LOOK_S)
            return version

    async def _look(self, tasks: TaskGroup) -> float | None:
        """Start what is due and fits; returns when the next row is due."""
        worker, credentials = self._lock.worker_id, self._credentials
        under_way = tuple(self._active)
        try:
            due = await self._jobs.due(
                worker=worker,
                credentials=credentials,
                local=self._room(is_local=True),
                remote=self._room(is_local=False),
                under_way=under_way,
            )
            for job in due:
                if job.job_id not in under_way:
                    await self._start(tasks, job)
                elif active := self._active.get(job.job_id):
                    active.scope.cancel()  # somebody wants it cancelled
            next_due_at = await self._jobs.next_due_at(
                worker=worker, credentials=credentials, under_way=tuple(self._active)
            )
            if self._filler is not None and await self._filler.has_work():
                again_at = self._clock.now() + _LOOK_S
                return again_at if next_due_at is None else min(next_due_at, again_at)
            return next_due_at
        except RelightError as error:
            _log.warning("Due jobs cannot be read: %s", error.code)
            return self._clock.now() + _LOOK_S

    async def _note_stranded(self) -> None:
        """Now and then, with nothing else to do: say on rows which key nobody living has."""
        if anyio.current_time() - self._noted_at < _NOTE_EVERY_S:
            return
        self._noted_at = anyio.current_time()
        try:
            await self._jobs.note_stranded(
                worker=self._lock.worker_id, credentials=self._credentials
            )
        except RelightError as error:
            _log.warning("Stranded jobs cannot be noted: %s", error.code)

    def _room(self, *, is_local: bool) -> int:
        busy = sum(active.is_local == is_local for active in self._active.values())
        return (self._local_at_once if is_local else self._remote_at_once) - busy

    async def _start(self, tasks: TaskGroup, job: Job) -> None:
        mine = self._lock.worker_id
        claimed = job if job.worker == mine else await self._jobs.claim(job, mine)
        if claimed is not None:
            self._active[job.job_id] = _Active(job.is_local)
            tasks.start_soon(self._drive, claimed)

    async def _drive(self, job: Job) -> None:
        """Advance one job until it has to wait. The outermost place of everything a job does."""
        active = self._active[job.job_id]
        try:
            with active.scope:
                await self._advance_until_waiting(job)
            if active.scope.cancelled_caught:
                await self._steps.interrupted(job.job_id)
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(_PUT_BACK_S, shield=True):
                await self._steps.interrupted(job.job_id)
            raise
        except (TimedOut, StorageFull) as error:
            # The store itself: an outage of the database never turns a job into a failed one.
            _log.warning("%s could not be written down: %s", job.job_id, error.code)
            await self._clock.sleep(_AFTER_TROUBLE_S)
        except Exception:  # noqa: BLE001 - outermost: one broken job must not stop the others
            _log.exception("A step of %s ended unexpectedly.", job.job_id)
            await self._put_right(job.job_id)
        finally:
            del self._active[job.job_id]

    async def _advance_until_waiting(self, job: Job) -> None:
        current: Job | None = job
        while current is not None and not current.is_terminal and not self._is_stopping:
            current = await self._steps.advance(current)
            if current is not None and current.due_at > self._clock.now():
                return

    async def _put_right(self, job_id: str) -> None:
        try:
            await self._steps.broke(job_id)
        except Exception:  # noqa: BLE001 - outermost, as above
            _log.exception("The row of %s could not be put right.", job_id)
            await self._clock.sleep(_AFTER_TROUBLE_S)

    async def _has_work(self) -> bool:
        if self._filler is not None and await self._filler.has_work():
            return True
        next_due_at = await self._jobs.next_due_at(
            worker=self._lock.worker_id, credentials=self._credentials
        )
        return next_due_at is not None
