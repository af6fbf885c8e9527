"""Several processes on one store: what must hold whoever dies, and whoever comes first."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from mcp_relight.domain.job import Job
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import OWNER, new_job
from tests.jobs.processes import Children, wait_until
from tests.jobs.workers import open_store
from tests.quiet_time import quiet_s

pytestmark = pytest.mark.anyio


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    with Children(tmp_path) as started:
        yield started


async def wait_for_end(store: Store, job_id: str, *, within_s: float = 60.0) -> Job:
    job = await store.get(job_id)
    with anyio.fail_after(within_s):
        async with store.watch([job_id]) as changes:
            async for job in changes:
                if job.is_terminal or job.stage == "submit_unknown":
                    break
    return job


def submits_of(children: Children) -> list[str]:
    log = children.folder / "submits.log"
    return log.read_text().splitlines() if log.exists() else []


async def test_three_processes_that_insert_one_key_make_one_row(children: Children) -> None:
    inserting = [children.start("insert", "the-key") for _ in range(3)]
    job_ids = await anyio.to_thread.run_sync(children.all_answers, inserting)
    assert len(set(job_ids)) == 1
    store = open_store(children.folder)
    page = await store.list(owner=OWNER, status=None, limit=9, cursor=None)
    assert [job.job_id for job in page.jobs] == job_ids[:1]
    await store.aclose()


@pytest.mark.long
async def test_three_processes_share_one_budget(children: Children) -> None:
    reserving = [children.start("reserve", 10, 0.5) for _ in range(3)]
    granted = await anyio.to_thread.run_sync(children.all_answers, reserving)
    assert sum(map(int, granted)) == 12  # 12 times 0.04 fit into 0.50


async def test_three_processes_share_one_gate(children: Children) -> None:
    """600 a minute with a burst of 5, in place of 50 and 10: the same arithmetic, sooner."""
    passing = [children.start("gate", 600, 5, 1.5) for _ in range(3)]
    answers = await anyio.to_thread.run_sync(children.all_answers, passing)
    passed = sorted(at for answer in answers for at in json.loads(answer))
    expected = 600 / 60 * (passed[-1] - passed[0]) + 5
    # A process may wake late, never early: late passes crowd those after them a little.
    assert 0.8 * expected <= len(passed) <= expected + 1
    most = max(sum(start <= at < start + 1 for at in passed) for start in passed)
    assert most <= 10 + 5 + 1


async def test_a_watcher_sees_what_another_process_writes(children: Children) -> None:
    store = open_store(children.folder)
    [job] = await store.insert([new_job()])
    children.start("touch", job.job_id)
    assert (await wait_for_end(store, job.job_id)).stage == "cancelled"
    await store.aclose()


async def test_a_job_of_a_killed_worker_is_taken_over(children: Children) -> None:
    store = open_store(children.folder)
    [job] = await store.insert([new_job(provider="local", credential_id=None)])
    victim = children.start("work", "print", 60, 60)
    await anyio.to_thread.run_sync(
        wait_until, lambda: submits_of(children) == [job.request.image_id]
    )
    held = await store.get(job.job_id)
    assert held.worker is not None
    victim.kill()
    victim.wait()
    children.start("work", "print", 0, 60)
    ended = await wait_for_end(store, job.job_id)
    assert ended.stage == "succeeded"
    assert submits_of(children) == [job.request.image_id] * 2
    assert ended.worker != held.worker
    await store.aclose()


async def test_a_paid_submit_of_a_killed_worker_is_not_sent_again(children: Children) -> None:
    store = open_store(children.folder)
    [job] = await store.insert([new_job()])
    victim = children.start("work", "print", 60, 60)
    await anyio.to_thread.run_sync(wait_until, lambda: submits_of(children) == [job.job_id])
    victim.kill()
    victim.wait()
    children.start("work", "print", 0, 60)
    assert (await wait_for_end(store, job.job_id)).stage == "submit_unknown"
    assert submits_of(children) == [job.job_id]
    await store.aclose()


@pytest.mark.long
async def test_another_worker_leaves_the_jobs_of_a_living_one_alone(children: Children) -> None:
    store = open_store(children.folder)
    [job] = await store.insert([new_job()])
    children.start("work", "one", 60, 60)
    await anyio.to_thread.run_sync(wait_until, lambda: submits_of(children) == [job.job_id])
    other = children.start("work", "two", 0, 0.5)
    assert await anyio.to_thread.run_sync(other.wait) == 0
    assert (await store.get(job.job_id)).stage == "submitting"
    await store.aclose()


async def test_no_wake_up_is_lost_however_the_insert_meets_the_leaving(
    children: Children, request: pytest.FixtureRequest
) -> None:
    """Workers that leave at once meet inserts at every moment of their lives."""
    store = open_store(children.folder)
    spawner = children.spawner("print", idle_s=0.0)
    for index in range(20 if request.config.getoption("--full") else 3):
        [job] = await store.insert([new_job(provider="local", credential_id=None)])
        await anyio.to_thread.run_sync(spawner.ensure)
        assert (await wait_for_end(store, job.job_id)).stage == "succeeded"
        await anyio.sleep(0.03 * index)  # the next insert comes a little later each time
    await store.aclose()


async def test_a_worker_that_is_told_to_end_leaves_within_seconds_and_in_order(
    children: Children,
) -> None:
    store = open_store(children.folder)
    [local] = await store.insert([new_job(provider="local", credential_id=None)])
    [paid] = await store.insert([new_job()])
    worker = children.start("work", "print", 3, 60)
    await anyio.to_thread.run_sync(wait_until, lambda: len(submits_of(children)) == 2)
    started = quiet_s()
    worker.send_signal(signal.SIGTERM)
    assert await anyio.to_thread.run_sync(worker.wait) == 0
    assert quiet_s() - started < 10
    put_back = await store.get(local.job_id)
    assert (put_back.stage, put_back.attempts, put_back.worker) == ("queued", 0, None)
    # The paid submit was let finish: its outcome is known.
    assert (await store.get(paid.job_id)).stage in {"finishing", "succeeded"}
    await store.aclose()
