"""Rows put into any stage past the store, which would ask for every step on the way."""

from typing import Any

from mcp_relight.domain.job import Job, Stage
from mcp_relight.jobs.store.store import Store
from mcp_relight.jobs.store.tables import jobs
from tests.jobs.fakes import new_job


async def put_in_stage(store: Store, job: Job, stage: Stage) -> None:
    statement = jobs.update().where(jobs.c.job_id == job.job_id).values(stage=stage)
    await store._database.write(lambda connection: connection.execute(statement))


async def in_stage(store: Store, stage: Stage, **wanted: Any) -> Job:
    """A new job in that stage; `wanted` as in `new_job`."""
    [job] = await store.insert([new_job(**wanted)])
    await put_in_stage(store, job, stage)
    return await store.get(job.job_id)
