"""One wake: look at the row, and do its steps until it has to wait."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Protocol

import anyio

from mcp_relight.domain.job import Job
from mcp_relight.domain.ports import Clock, Jobs
from mcp_relight.errors import JobNotFound, RelightError, StorageFull, TimedOut
from mcp_relight.jobs.steps import Steps

_log = logging.getLogger(__name__)

_EARLY_S = 0.2
_AFTER_TROUBLE_S = 5.0
_PUT_BACK_S = 3.0
_CLAIMS = 5


class Remind(Protocol):
    async def __call__(self, job: Job, *, due_at: float, now: float) -> None:
        """Wake somebody when this row is due."""
        ...


class Advancer:
    """Advances jobs it is woken for. The claim, written over whatever worker the row named, is the
    fence: every move of an earlier holder is refused from then on."""

    def __init__(self, jobs: Jobs, steps: Steps, *, clock: Clock, worker_id: str) -> None:
        self._jobs = jobs
        self._steps = steps
        self._clock = clock
        self._worker_id = worker_id
        self.is_stopping = False

    async def advance(self, job_id: str, remind: Remind) -> None:
        """The outermost place of everything a job does. It never raises."""
        has_ended = False
        try:
            async with self._put_right(job_id):
                job = await self._claim(job_id)
                if job is not None:
                    has_ended = await self._drive(job)
        finally:
            if not has_ended:
                with anyio.CancelScope(shield=True), anyio.move_on_after(_PUT_BACK_S, shield=True):
                    await self._remind(job_id, remind)

    async def look(self, job_id: str) -> Job | None:
        try:
            return await self._jobs.get(job_id)
        except JobNotFound:
            return None

    async def _claim(self, job_id: str) -> Job | None:
        """The row, if something is to be done about it now."""
        for _ in range(_CLAIMS):
            job = await self.look(job_id)
            if job is None or job.is_terminal:
                return None
            if self._clock.now() + _EARLY_S < await self._due_at(job):
                return None
            if (claimed := await self._jobs.claim(job, self._worker_id)) is not None:
                return claimed
        return None

    async def _due_at(self, job: Job) -> float:
        """Whoever was sending may still be, although it is taken for dead: nobody looks for
        evidence of a request that is still under way."""
        if job.stage == "submitting":
            return await self._steps.submit_over_at(job)
        return job.due_at

    async def _drive(self, job: Job) -> bool:
        """Whether it came to its end."""
        current: Job | None = job
        while current is not None and not current.is_terminal and not self.is_stopping:
            current = await self._step(current)
            if current is not None and current.due_at > self._clock.now():
                return current.is_terminal
        return current is not None and current.is_terminal

    async def _step(self, job: Job) -> Job | None:
        if not job.is_local:
            return await self._steps.advance(job)
        after: Job | None = None
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._stop_when_unwanted, job.job_id, scope)
                after = await self._steps.advance(job)
                tasks.cancel_scope.cancel()
        if scope.cancelled_caught:
            await self._steps.interrupted(job.job_id)
            return None
        return after

    async def _stop_when_unwanted(self, job_id: str, scope: anyio.CancelScope) -> None:
        """Once its picture is there, a local job ends by itself soon."""
        async with self._jobs.watch([job_id]) as changes:
            async for job in changes:
                if job.cancel_requested and job.stage == "running":
                    scope.cancel()

    @asynccontextmanager
    async def _put_right(self, job_id: str) -> AsyncGenerator[None]:
        try:
            yield
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True), anyio.move_on_after(_PUT_BACK_S, shield=True):
                await self._steps.interrupted(job_id)
            raise
        except (TimedOut, StorageFull) as error:
            # The store itself: an outage of the database never turns a job into a failed one.
            _log.warning("%s could not be written down: %s", job_id, error.code)
            await self._clock.sleep(_AFTER_TROUBLE_S)
        except Exception:  # noqa: BLE001 - outermost: one broken job must not stop the others
            _log.exception("A step of %s ended unexpectedly.", job_id)
            try:
                await self._steps.broke(job_id)
            except Exception:  # noqa: BLE001 - outermost, as above
                _log.exception("The row of %s could not be put right.", job_id)

    async def _remind(self, job_id: str, remind: Remind) -> None:
        """The row as it is now says when; where that fails, the sweep finds it."""
        try:
            job = await self.look(job_id)
            if job is not None and not job.is_terminal:
                await remind(job, due_at=await self._due_at(job), now=self._clock.now())
        except RelightError as error:
            _log.warning("%s is left to the sweep: %s", job_id, error.code)
