"""What the tests run in processes of their own: `python -m tests.jobs.child COMMAND FOLDER …`."""

import json
import sys
import time
from pathlib import Path

import anyio

from mcp_relight.bootstrap.parts import Parts
from mcp_relight.config import Settings
from mcp_relight.domain.exchange import Outcome, Output, Rendered
from mcp_relight.domain.ports import NewJob
from mcp_relight.domain.sets import Waiting
from mcp_relight.errors import BudgetExceeded
from mcp_relight.jobs.locks import WorkerLock
from mcp_relight.jobs.store.store import Store, migrate
from mcp_relight.jobs.worker import Filler, Worker
from tests.jobs.fakes import KEY, FakeProvider, new_job
from tests.jobs.workers import new_worker, open_store


class LoggingProvider(FakeProvider):
    """Notes every submit in a file before it answers; can take its time."""

    def __init__(self, name: str, log: Path, submit_s: float) -> None:
        super().__init__(name=name)
        self._log = log
        self._submit_s = submit_s

    async def _take(self, what: str) -> Outcome:
        with self._log.open("a") as log:
            log.write(f"{what}\n")
        await anyio.sleep(self._submit_s)
        return Rendered(outputs=(Output(data=b"result"),))


def log_keeping_worker(folder: Path, lock: WorkerLock, submit_s: float) -> Worker:
    log = folder / "submits.log"
    local, cloud = (LoggingProvider(name, log, submit_s) for name in ("local", "cloud"))
    return new_worker(open_store(folder), folder, lock, local, cloud)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def work(folder: Path, name: str, submit_s: float, idle_s: float) -> None:
    """A worker, as a process: says when it has the lock, and whether it got it."""
    lock = WorkerLock(folder, name)
    if not lock.take():
        say("another lives")
        return
    say("working")
    with (folder / "starts.log").open("a") as log:
        log.write(f"{lock.worker_id}\n")
    await log_keeping_worker(folder, lock, submit_s).run_until_signal(idle_s=idle_s)


async def insert(folder: Path, dedup_key: str) -> None:
    [job] = await open_store(folder).insert([new_job(dedup_key=dedup_key)])
    say(job.job_id)


async def reserve(folder: Path, count: int, day_budget_usd: float) -> None:
    """Reserve 0.04 USD for one job after the other; says how many were granted."""
    store, granted = open_store(folder), 0
    for _ in range(count):
        [job] = await store.insert([new_job(usd=0.04)])
        try:
            granted += await store.reserve(job, day_budget_usd=day_budget_usd) is not None
        except BudgetExceeded:
            continue
    say(str(granted))


async def pass_gate(folder: Path, per_minute: float, burst: int, for_s: float) -> None:
    """Pass a gate as often as it lets us; says when."""
    store, passed, end = open_store(folder), [], time.time() + for_s
    while True:
        wait_s = await store.take_slot("gate", per_minute=per_minute, burst=burst)
        if time.time() + wait_s > end:
            break
        await anyio.sleep(wait_s)
        passed.append(time.time())
    say(json.dumps(passed))


async def touch(folder: Path, job_id: str) -> None:
    """Move a job on, from another process."""
    store = open_store(folder)
    await store.move(await store.get(job_id), "cancelled")


async def bring_forward(location: str) -> None:
    """Open a store that may have to be made, when told to."""
    say("ready")
    sys.stdin.readline()
    say(str(await migrate(location if "://" in location else Path(location))))


async def fill(folder: Path, name: str, url: str, log: Path) -> None:
    """A machine of that name, with a data folder of its own, makes jobs of the pictures of sets."""
    parts = Parts(Settings.load(data_dir=folder / name, database_url=url))

    async def enter(waiting: Waiting) -> NewJob:
        with log.open("a") as lines:
            lines.write(f"{name} {waiting.member.name}\n")
        await anyio.sleep(0.3)
        return new_job(dedup_key=f"hash:{waiting.member.name}", credential_id=None)

    filler = Filler(parts.store, parts.store, enter, worker=name, credentials=(), clock=parts.clock)
    await filler.run()


async def skewed(url: str, by_s: float) -> None:
    """A machine whose clock is wrong: makes a job, takes a slot, then looks whether it is due."""
    right = time.time
    time.time = lambda: right() + by_s
    store = Store(url, is_living=lambda _: False)
    [job] = await store.insert([new_job()])
    wait_s = await store.take_slot("gate", per_minute=1, burst=1)
    say(f"{job.job_id} {job.created_at} {wait_s}")
    sys.stdin.readline()
    due = await store.due(worker="w.2", credentials=[KEY], local=9, remote=9)
    say("due" if job.job_id in {row.job_id for row in due} else "not due")
    await store.aclose()


def main() -> None:
    command, folder, *rest = sys.argv[1:]
    numbers = [float(item) for item in rest if item.replace(".", "", 1).isdigit()]
    match command:
        case "work":
            anyio.run(work, Path(folder), rest[0], *numbers[-2:])
        case "insert":
            anyio.run(insert, Path(folder), rest[0])
        case "reserve":
            anyio.run(reserve, Path(folder), int(numbers[0]), numbers[1])
        case "gate":
            anyio.run(pass_gate, Path(folder), numbers[0], int(numbers[1]), numbers[2])
        case "migrate":
            anyio.run(bring_forward, rest[0])
        case "skewed":
            anyio.run(skewed, rest[0], float(rest[1]))
        case "fill":
            anyio.run(fill, Path(folder), rest[0], rest[1], Path(rest[2]))
        case "touch":
            anyio.run(touch, Path(folder), rest[0])
        case _:
            raise SystemExit(f"unknown command {command}")


if __name__ == "__main__":
    main()
