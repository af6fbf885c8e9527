"""What a team's queue costs beside our own loop, on one PostgreSQL in one run.

    python -m benchmarks.team_engine [--jobs 200] [--rounds 2] [--waiting 500]

Jobs of an instant provider, carried out by the worker of one machine (due + claim) and by a worker
of a team (procrastinate), in turns; then how soon an idle team begins a job; then what a server's
waiting calls cost it while ten rows a second change. fsync is on. Prints one JSON line. Targets:
`rate_ratio` at least 0.75, `first_step_p50_ms` at most 50, `waiting_core` at most 0.10.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_relight.domain.exchange import Output, Rendered
from mcp_relight.domain.job import Job
from mcp_relight.domain.request import MAX_WAIT_S
from mcp_relight.jobs.locks import WorkerLock
from mcp_relight.jobs.store.store import Store
from mcp_relight.jobs.team.queue import Wakes
from mcp_relight.jobs.team.worker import TeamWorker
from mcp_relight.jobs.worker import Worker
from tests.http_server import serving
from tests.jobs.fakes import KEY, FakeProvider, new_job, new_steps
from tests.jobs.postgres import Cluster, running_postgres
from tests.world import World

_TICKS = os.sysconf("SC_CLK_TCK")
_WATCHED_S = 15.0
_CHANGES_PER_S = 10

Working = Callable[[str, Path, FakeProvider], AbstractAsyncContextManager[Store]]


class Clock:
    def __init__(self, store: Store) -> None:
        self.now = store.now

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


def instant() -> FakeProvider:
    return FakeProvider(submits=[Rendered(outputs=(Output(data=b"result"),))])


@asynccontextmanager
async def own_loop(url: str, folder: Path, provider: FakeProvider) -> AsyncIterator[Store]:
    store = Store(url, is_living=lambda _: False)
    lock = WorkerLock.of_one_process(folder)
    assert lock.take()
    steps = new_steps(store, folder, provider, clock=Clock(store))
    worker = Worker(store, steps, lock, clock=Clock(store), credentials=[KEY])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker.run)
        yield store
        worker.stop()
    await store.aclose()


@asynccontextmanager
async def queue(url: str, folder: Path, provider: FakeProvider) -> AsyncIterator[Store]:
    async def tidy() -> None:
        return

    store = Store(url, is_living=None, wakes=Wakes(url))
    await store.ended([])  # makes the tables
    steps = new_steps(store, folder, provider, clock=Clock(store))
    worker = TeamWorker(
        url, store, steps, clock=Clock(store), credentials=[KEY], kinds=["remote"], tidy=tidy
    )
    async with worker, anyio.create_task_group() as tasks:
        tasks.start_soon(worker.run)
        yield store
        worker.stop()
    await store.aclose()


async def rate(cluster: Cluster, working: Working, folder: Path, count: int) -> tuple[float, float]:
    """Jobs per second from the first insert to the last success, and CPU ms per job of this
    process."""
    url = cluster.new_database("rate")
    async with working(url, folder, instant()) as store:
        await _until_done(store, await store.insert([new_job() for _ in range(20)]))  # warm
        began, cpu = time.perf_counter(), time.process_time()
        jobs: list[Job] = []
        for _ in range(count // 10):
            jobs += await store.insert([new_job() for _ in range(10)])
        await _until_done(store, jobs)
        took_s = time.perf_counter() - began
        return len(jobs) / took_s, (time.process_time() - cpu) * 1000 / len(jobs)


async def _until_done(store: Store, jobs: Any) -> None:
    async with store.watch([job.job_id for job in jobs]) as changes:
        async for _ in changes:
            continue


async def first_steps(cluster: Cluster, folder: Path, count: int) -> list[float]:
    """Milliseconds from before each insert to the request that its first step sends."""
    provider, waits = instant(), list[float]()
    began = 0.0

    async def note() -> None:
        waits.append((time.perf_counter() - began) * 1000)

    provider.on_submit = note
    async with queue(cluster.new_database("first"), folder, provider) as store:
        for _ in range(count + 5):
            began = time.perf_counter()
            [job] = await store.insert([new_job()])
            await _until_done(store, [job])
            await anyio.sleep(0.05)
    return waits[5:]


async def waiting(cluster: Cluster, folder: Path, calls: int) -> float:
    """The share of a core that a server spends on so many calls which wait."""
    url = cluster.new_database("waiting")
    store = Store(url, is_living=None, wakes=Wakes(url))
    jobs = [job for _ in range(calls // 10) for job in await store.insert([new_job()] * 10)]
    with serving(World(folder), env={"MCP_RELIGHT_DATABASE_URL": url}) as server:
        limits = httpx2.Limits(max_connections=None)
        async with (
            httpx2.AsyncClient(limits=limits, timeout=300, trust_env=False) as http,
            Client(streamable_http_client(server.url, http_client=http)) as client,
            anyio.create_task_group() as tasks,
        ):
            arrived, answered = set[str](), set[str]()

            async def wait_for(job_id: str) -> None:
                async def told(progress: float, total: float | None, words: str | None) -> None:
                    arrived.add(job_id)

                arguments = {"job_id": job_id, "wait_s": MAX_WAIT_S}
                await client.call_tool("get_job", arguments, progress_callback=told)
                answered.add(job_id)

            for job in jobs:
                tasks.start_soon(wait_for, job.job_id)
            while len(arrived) < calls:  # noqa: ASYNC110 - other tasks fill it
                await anyio.sleep(0.1)
            await anyio.sleep(1)
            before, began = _cpu_s(server.process.pid), time.monotonic()
            changes = 0
            while (passed_s := time.monotonic() - began) < _WATCHED_S:
                await anyio.sleep(max(0.0, changes / _CHANGES_PER_S - passed_s))
                moved = await store.move(jobs[changes % calls], "queued", note=str(changes))
                assert moved is not None
                changes += 1
            spent_s = _cpu_s(server.process.pid) - before
            assert not answered, "not all of them waited for the whole time"
            tasks.cancel_scope.cancel()
    await store.aclose()
    return spent_s / _WATCHED_S


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def main() -> None:
    parser = argparse.ArgumentParser(description="a team's queue beside our own loop")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--waiting", type=int, default=500)
    given = parser.parse_args()
    rates: dict[str, list[tuple[float, float]]] = {"own": [], "queue": []}
    with tempfile.TemporaryDirectory() as name, running_postgres(fsync=True) as cluster:
        folder = Path(name)
        for _ in range(given.rounds):
            for who, working in (("own", own_loop), ("queue", queue)):
                rates[who].append(anyio.run(rate, cluster, working, folder, given.jobs))
        waits = sorted(anyio.run(first_steps, cluster, folder, 100))
        core = anyio.run(waiting, cluster, folder, given.waiting)
    own, queued = (statistics.median(each for each, _ in rates[who]) for who in ("own", "queue"))
    print(
        json.dumps(
            {
                "jobs": given.jobs,
                "own_per_s": round(own, 1),
                "queue_per_s": round(queued, 1),
                "rate_ratio": round(queued / own, 2),
                "own_cpu_ms": round(statistics.median(cpu for _, cpu in rates["own"]), 1),
                "queue_cpu_ms": round(statistics.median(cpu for _, cpu in rates["queue"]), 1),
                "first_step_p50_ms": round(waits[len(waits) // 2], 1),
                "first_step_p95_ms": round(waits[int(0.95 * len(waits))], 1),
                "waiting": given.waiting,
                "waiting_core": round(core, 3),
                "load": round(os.getloadavg()[0], 1),
            }
        )
    )


if __name__ == "__main__":
    main()
