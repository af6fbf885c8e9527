"""What somebody who waits for a job is told: its stage, its place in the queue, when it ends."""

import math
import time

from mcp_relight.domain.job import Job
from mcp_relight.domain.model_ports import Models
from mcp_relight.domain.models import ModelSpec
from mcp_relight.domain.ports import Jobs

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
