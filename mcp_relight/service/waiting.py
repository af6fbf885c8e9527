"""Waiting for jobs: only as long as a caller allows, and told how far they are."""

import math
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import anyio

from mcp_relight.domain.job import Job
from mcp_relight.domain.model_ports import Models
from mcp_relight.domain.models import ModelSpec
from mcp_relight.domain.ports import Jobs, Workers
from mcp_relight.domain.request import DEFAULT_WAIT_S

OnProgress = Callable[[float, str], Awaitable[None]]

_WORKER_CHECK_S = 1.0


def deadline(wait_s: float | None) -> float:
    """When a call that begins now has to answer."""
    return anyio.current_time() + (DEFAULT_WAIT_S if wait_s is None else wait_s)


class Patience:
    """Whether this process waits for anybody still: one that is about to end answers with what is
    there, for an answer that is cut off tells nothing."""

    def __init__(self) -> None:
        self.is_over = False
        self._looks: set[anyio.CancelScope] = set()

    def end(self) -> None:
        self.is_over = True
        for look in self._looks:
            look.cancel()

    @contextmanager
    def look(self, within_s: float) -> Generator[anyio.CancelScope]:
        with anyio.move_on_after(0 if self.is_over else within_s) as look:
            self._looks.add(look)
            try:
                yield look
            finally:
                self._looks.discard(look)


class Waiting:
    def __init__(
        self,
        jobs: Jobs,
        workers: Workers,
        words: Callable[[Job], Awaitable[str]],
        patience: Patience,
    ) -> None:
        """`words` says where a job stands."""
        self._patience = patience
        self._jobs = jobs
        self._workers = workers
        self._words = words

    async def wait(
        self, jobs: tuple[Job, ...], until: float, on_progress: OnProgress | None = None
    ) -> tuple[Job, ...]:
        """Wait until all are terminal or the time is up; the newest rows, in the same order."""
        if all(job.is_terminal for job in jobs):
            return jobs
        if until <= anyio.current_time():  # who does not wait is told nothing on the way
            await self._workers.ensure()
            return jobs
        latest = {job.job_id: job for job in jobs}
        if on_progress is not None and jobs[0].stage == "queued":
            await on_progress(0.0, await self._words(jobs[0]))
        while True:
            # Again and again: a worker may be killed while somebody waits for what it does.
            check_s = _WORKER_CHECK_S if await self._workers.ensure() else float("inf")
            left_s = until - anyio.current_time()
            with self._patience.look(min(left_s, check_s)) as look:
                await self._watch(latest, on_progress)
            if not look.cancelled_caught or left_s <= check_s or self._patience.is_over:
                return tuple(latest[job.job_id] for job in jobs)

    async def _watch(self, latest: dict[str, Job], on_progress: OnProgress | None) -> None:
        """Bring `latest` up to date until there is nothing left to wait for."""
        async with self._jobs.watch(tuple(latest)) as changes:
            async for job in changes:
                is_news = latest[job.job_id] != job
                latest[job.job_id] = job
                if on_progress is not None and is_news:
                    progress = sum(row.progress for row in latest.values()) / len(latest)
                    await on_progress(progress, await self._words(job))
                if all(row.is_terminal or row.status == "unknown" for row in latest.values()):
                    return


_LOCAL_S, _REMOTE_S = 10.0, 30.0
"""Where nobody measured a model's usual time."""
_LEAST_S, _OVERDUE = 2.0, 0.25
"""A job past its usual time is given this share of it more."""


class Progress:
    def __init__(self, jobs: Jobs, models: Models) -> None:
        self._jobs = jobs
        self._models = models

    async def words(self, job: Job) -> str:
        """`Rendering. About 8 s left.`, or `Waiting, 2 jobs before it. About 30 s left.`"""
        if job.is_terminal or job.status == "unknown":
            return job.note or job.status
        stage = job.note or job.stage.capitalize() + "."
        if job.stage == "queued" and (ahead := await self._jobs.ahead_of(job)):
            stage = f"Waiting, {ahead} job{'' if ahead == 1 else 's'} before it."
        spec = next((one for one in self._models.specs() if one.id == job.model), None)
        return f"{stage} About {eta_s(job, spec, now=time.time())} s left."


def eta_s(job: Job, spec: ModelSpec | None, *, now: float) -> int:
    """Seconds from `now` until the job should be finished: a guess, so that a caller asks again
    neither too soon nor late. `spec` is None for a model that is no longer in the list."""
    usual_s = (spec.typical_s if spec else None) or (_LOCAL_S if job.is_local else _REMOTE_S)
    elapsed_s = max(0.0, now - job.created_at)  # the clock may have been set back
    left_s = usual_s - elapsed_s if elapsed_s < usual_s else _OVERDUE * usual_s
    return math.ceil(max(left_s, _LEAST_S))
