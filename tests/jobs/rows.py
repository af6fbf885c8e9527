"""Rows put into any stage past the store, which would ask for every step on the way."""

import sqlite3
from pathlib import Path
from typing import Any

from mcp_relight.domain.job import Job, Stage
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import new_job


def put_in_stage(folder: Path, job: Job, stage: Stage) -> None:
    """`folder` is that of the fixture `store`."""
    with sqlite3.connect(folder / "data" / "jobs.db", isolation_level=None) as connection:
        connection.execute("UPDATE jobs SET stage = ? WHERE job_id = ?", (stage, job.job_id))
    connection.close()


async def in_stage(store: Store, folder: Path, stage: Stage, **wanted: Any) -> Job:
    """A new job in that stage; `wanted` as in `new_job`."""
    [job] = await store.insert([new_job(**wanted)])
    put_in_stage(folder, job, stage)
    return await store.get(job.job_id)
