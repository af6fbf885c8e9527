"""Following the job store: what moved, for whoever is told of changes."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from mcp_relight.domain.job import Job
from mcp_relight.domain.ports import Jobs
from mcp_relight.errors import JobNotFound

NEWEST = 100
"""Jobs looked at per change. Older ones are followed on only while they are open."""

_Shown = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class JobChange:
    """A job that shows something new, and whether a picture is among it."""

    job_id: str
    brought_picture: bool


async def follow(jobs: Jobs, *, owner: str) -> AsyncGenerator[JobChange]:
    """Every recent job once, as it is now, then each again whenever what it shows changes.

    The first round closes the gap between a caller's last look and the first one here.
    """
    version = -1
    known: dict[str, Job] = {}
    is_first_round = True
    while True:
        version = await jobs.changed(version, within_s=float("inf"))
        now = await _look(jobs, known, owner=owner)
        for job in now.values():
            before = known.get(job.job_id)
            if before is None or _shown(before) != _shown(job):
                arrived = job.images != (before.images if before else ())
                yield JobChange(job.job_id, brought_picture=arrived and not is_first_round)
        known, is_first_round = now, False


async def _look(jobs: Jobs, known: dict[str, Job], *, owner: str) -> dict[str, Job]:
    page = await jobs.list(owner=owner, status=None, limit=NEWEST, cursor=None)
    rows = {job.job_id: job for job in page.jobs}
    for old in known.values():
        if old.job_id in rows or old.is_terminal:
            continue
        try:
            rows[old.job_id] = await jobs.get(old.job_id, owner=owner)
        except JobNotFound:
            continue
    return rows


def _shown(job: Job) -> _Shown:
    """What a caller sees of a job; claims, due times and attempts are the worker's own."""
    return (job.stage, job.progress, job.note, job.images, job.error, job.cost, job.warnings)
