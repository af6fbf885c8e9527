"""Rows that this version cannot read: they stay as they are, and hide no other job."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mcp_relight.domain.job import Job
from mcp_relight.errors import Internal
from mcp_relight.jobs.store.store import Store
from tests.crash.rig import needs_proc
from tests.jobs.fakes import OWNER, new_job
from tests.jobs.workers import open_store
from tests.world import World

from .wire import wired

# Each is what the JSON function of SQLite, or a plain value, makes of one column.
DAMAGES = {
    "a stage of a newer version": "stage = 'reviewing'",
    "a field that is missing": "request = json_remove(request, '$.image_id')",
    "a number as text": "cost = json_set(cost, '$.amount', 'much')",
    "a text as list": "images = json('\"abc\"')",
    "no JSON": "request = substr(request, 1, 40)",
    "deep JSON": "sent = (SELECT group_concat('[', '') FROM generated)",
}
_DEEP = (
    "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 90000), "
    "generated AS (SELECT n FROM number) "
)


def damage(path: Path, job_id: str, how: str) -> None:
    start = _DEEP if "generated" in how else ""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"{start}UPDATE jobs SET {how} WHERE job_id = ?", [job_id])  # noqa: S608


def row(path: Path, job_id: str) -> tuple[object, ...]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM jobs WHERE job_id = ?", [job_id]).fetchone()


async def due(store: Store) -> list[str]:
    found = await store.due(worker="w.1", credentials=[], local=1, remote=1)
    return [job.job_id for job in found]


@pytest.mark.anyio
@pytest.mark.parametrize("how", DAMAGES)
async def test_a_row_that_cannot_be_read_hides_no_other(tmp_path: Path, how: str) -> None:
    store, path = open_store(tmp_path), tmp_path / "jobs.db"
    bad, good = [await _local(store) for _ in range(2)]
    damage(path, bad.job_id, DAMAGES[how])
    before = row(path, bad.job_id)
    page = await store.list(owner=OWNER, status=None, limit=10, cursor=None)
    assert [job.job_id for job in page.jobs] == [good.job_id]
    with pytest.raises(Internal, match="another version"):
        await store.get(bad.job_id)
    await due(store)  # it is met
    assert await due(store) == [good.job_id], "it takes nobody's place"
    async with store.watch([bad.job_id, good.job_id]) as changes:
        assert (await anext(changes)).job_id == good.job_id
    await store.request_cancel(good.job_id, owner=OWNER)
    assert await store.next_due_at(worker="w.1", credentials=[]) is None, "a worker may leave"
    assert row(path, bad.job_id) == before
    await store.aclose()


@pytest.mark.anyio
async def test_a_field_that_a_newer_version_added_is_passed_over(tmp_path: Path) -> None:
    store, path = open_store(tmp_path), tmp_path / "jobs.db"
    job = await _local(store)
    damage(path, job.job_id, "request = json_set(request, '$.second_mask', 'x')")
    assert (await store.get(job.job_id, owner=OWNER)).request == job.request
    await store.aclose()


async def _local(store: Store) -> Job:
    [job] = await store.insert([new_job(provider="local", credential_id=None)])
    return job


@needs_proc
def test_a_server_goes_on_beside_a_job_of_a_newer_version(world: World) -> None:
    world.photo("mug.png", width=64, height=48)
    with wired(world, MCP_RELIGHT_WORKER="none") as wire:
        bad = wire.facts("relight_image", image="latest", look="loop", wait_s=0)["job_id"]
        wire.end()
    damage(world.data / "jobs.db", bad, DAMAGES["a stage of a newer version"])
    with wired(world) as wire:
        job = wire.facts("relight_image", image="latest", look="split", wait_s=45)
        assert job["status"] == "succeeded"
        assert [one["job_id"] for one in wire.facts("list_jobs")["jobs"]] == [job["job_id"]]
        refused = wire.tool("get_job", job_id=bad)["_meta"]["mcp-relight/error"]
        assert (refused["code"], "version" in refused["message"]) == ("internal", True)
        assert wire.end()[0] == 0
    assert "Traceback" not in wire.stderr.read_text() + (world.data / "worker.log").read_text()
