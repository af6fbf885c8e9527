"""What somebody who waits for a job is told: its stage, its place in the queue, when it ends."""

import time

from mcp_relight.domain.job import Job
from mcp_relight.domain.model_ports import Models
from mcp_relight.domain.ports import Jobs

from .eta import eta_s


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
