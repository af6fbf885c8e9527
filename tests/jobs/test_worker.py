"""The worker inside one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_relight.domain.exchange import Accepted, Call, Outcome, Output, Rendered, Working
from mcp_relight.domain.job import Job
from mcp_relight.domain.ports import Turn
from mcp_relight.jobs.locks import WorkerLock
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import OWNER, FakeProvider, new_job
from tests.jobs.workers import new_worker, open_store
from tests.quiet_time import quiet_s

pytestmark = pytest.mark.anyio

PICTURE = Rendered(outputs=(Output(data=b"result"),))


class SlowEngine(FakeProvider):
    """A provider whose calls last until it is let go; notes how many run at once."""

    def __init__(self, name: str = "local") -> None:
        super().__init__(name=name)
        self.let_go = anyio.Event()
        self.running = 0
        self.most = 0
        self.stopped = 0

    async def _take(self, what: str) -> Outcome:
        self.running += 1
        self.most = max(self.most, self.running)
        self.submitted.append(what)
        try:
            await self.let_go.wait()
        except anyio.get_cancelled_exc_class():
            self.stopped += 1
            raise
        finally:
            self.running -= 1
        return PICTURE


class Buggy(FakeProvider):
    """A provider with a bug."""

    async def submit(self, call: Call, turn: Turn) -> Outcome:
        await turn()
        raise ZeroDivisionError


@asynccontextmanager
async def working(
    folder: Path, *providers: FakeProvider, idle_s: float | None = None, **limits: Any
) -> AsyncIterator[Store]:
    """A store, and a worker on it that ends with the block."""
    store = open_store(folder)
    lock = WorkerLock.of_one_process(folder)
    assert lock.take()
    worker = new_worker(store, folder, lock, *providers, **limits)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:

            async def run() -> None:
                await worker.run(idle_s=idle_s)

            tasks.start_soon(run)
            yield store
            worker.stop()
    await store.aclose()


async def until_stage(store: Store, job: Job, *stages: str) -> Job:
    with anyio.fail_after(30):
        async with store.watch([job.job_id]) as changes:
            async for seen in changes:
                if seen.stage in stages:
                    return seen
    return await store.get(job.job_id)


def local_job() -> Any:
    return new_job(provider="local", credential_id=None)


async def test_jobs_of_both_kinds_are_carried_out(tmp_path: Path) -> None:
    engine = FakeProvider(submits=[PICTURE], name="local")
    cloud = FakeProvider(submits=[Accepted(ticket="t", poll_after_s=0.1)])
    async with working(tmp_path, engine, cloud) as store:
        jobs = await store.insert([local_job(), new_job(), new_job(), local_job()])
        ended = [await until_stage(store, job, "succeeded", "failed") for job in jobs]
    assert [job.stage for job in ended] == ["succeeded"] * 4


async def test_one_local_job_runs_at_a_time(tmp_path: Path) -> None:
    engine = SlowEngine()
    async with working(tmp_path, engine) as store:
        jobs = await store.insert([local_job() for _ in range(3)])
        with anyio.fail_after(30):
            while not engine.submitted:  # noqa: ASYNC110 - another task does it
                await anyio.sleep(0.01)
        engine.let_go.set()
        for job in jobs:
            await until_stage(store, job, "succeeded")
    assert engine.most == 1


async def test_waiting_local_jobs_do_not_hold_up_remote_ones(tmp_path: Path) -> None:
    engine, cloud = SlowEngine(), FakeProvider(submits=[PICTURE])
    async with working(tmp_path, engine, cloud, remote_at_once=2) as store:
        await store.insert([local_job() for _ in range(10)])
        [remote] = await store.insert([new_job()])
        assert (await until_stage(store, remote, "succeeded")).stage == "succeeded"
        engine.let_go.set()


async def test_waiting_remote_jobs_do_not_hold_up_local_ones(tmp_path: Path) -> None:
    engine, cloud = FakeProvider(submits=[PICTURE], name="local"), SlowEngine("cloud")
    async with working(tmp_path, engine, cloud, remote_at_once=2) as store:
        await store.insert([new_job() for _ in range(10)])
        [local] = await store.insert([local_job()])
        assert (await until_stage(store, local, "succeeded")).stage == "succeeded"
        cloud.let_go.set()


async def test_cancelling_a_local_job_stops_its_call_at_once(tmp_path: Path) -> None:
    engine = SlowEngine()
    async with working(tmp_path, engine) as store:
        [job] = await store.insert([local_job()])
        await until_stage(store, job, "running")
        asked = quiet_s()
        await store.request_cancel(job.job_id, owner=OWNER)
        await until_stage(store, job, "cancelled")
        took_s = quiet_s() - asked
    assert engine.stopped == 1
    assert took_s < 1.0  # 0.2 s on a quiet machine


async def test_cancelling_a_remote_job_does_not_wait_for_its_next_poll(tmp_path: Path) -> None:
    cloud = FakeProvider(
        submits=[Accepted(ticket="t", poll_after_s=3600)], polls=[Working()], can_cancel=True
    )
    async with working(tmp_path, cloud) as store:
        [job] = await store.insert([new_job()])
        await until_stage(store, job, "running")
        await store.request_cancel(job.job_id, owner=OWNER)
        assert (await until_stage(store, job, "cancelled")).stage == "cancelled"


async def test_a_bug_in_one_job_does_not_stop_the_others(tmp_path: Path) -> None:
    engine, cloud = Buggy(name="local"), Buggy(name="cloud")
    good = FakeProvider(submits=[PICTURE], name="good")
    async with working(tmp_path, engine, cloud, good) as store:
        bad_local, bad_paid, fine = await store.insert(
            [local_job(), new_job(), new_job(provider="good")]
        )
        failed = await until_stage(store, bad_local, "failed")
        unknown = await until_stage(store, bad_paid, "submit_unknown")
        assert (await until_stage(store, fine, "succeeded")).stage == "succeeded"
    assert failed.error is not None
    assert failed.error.code == "internal"
    assert unknown.stage == "submit_unknown"


async def test_a_worker_leaves_when_there_is_nothing_to_do(tmp_path: Path) -> None:
    with anyio.fail_after(30):
        async with anyio.create_task_group():
            store = open_store(tmp_path)
            lock = WorkerLock(tmp_path, "print")
            assert lock.take()
            await new_worker(store, tmp_path, lock).run(idle_s=0.2)
    assert WorkerLock(tmp_path, "print").take(wait_s=0)
    await store.aclose()


async def test_a_worker_inside_a_server_that_ends_puts_its_local_job_back(tmp_path: Path) -> None:
    engine = SlowEngine()
    async with working(tmp_path, engine) as store:
        [job] = await store.insert([local_job()])
        await until_stage(store, job, "running")
    assert engine.stopped == 1
    store = open_store(tmp_path)
    back = await store.get(job.job_id)
    assert (back.stage, back.attempts) == ("queued", 0)
    await store.aclose()
