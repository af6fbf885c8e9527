"""Servers and workers of a team are killed at random moments, and its database is restarted; the
journal of the simulated providers says what was charged."""

import json
import random
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp import Client

from mcp_relight.simulator.control import SimulatorHandle
from tests.flows.rig import remote_environment, upload
from tests.jobs.postgres import Cluster, running_postgres
from tests.world import World

from .test_kill9 import journalled_simulator

pytest.importorskip("procrastinate", reason="needs the extra team")
pytestmark = [pytest.mark.anyio, pytest.mark.full]

MODELS = ("segmind/ic-light", "pixeldojo/image-relighting", "pixeldojo/p-image-edit")
REDELIVERED_S = 30.0
_COLUMNS = ("job_id", "stage", "worker", "credential_id", "ticket", "error", "due_at", "submits")
_SQL_ROWS = """
    SELECT job_id, stage, worker, credential_id, ticket, error, due_at, submits FROM jobs
"""
_SQL_LIVING = """
    SELECT id FROM procrastinate_workers WHERE last_heartbeat > now() - interval '5 seconds'
"""
_FRESH_S, _PER_PROCESS = 5.0, 2
_ADDRESS_S = 1200.0
_OVER = {"succeeded", "failed", "cancelled", "expired", "submit_unknown"}


@dataclass(frozen=True)
class Size:
    remote: int
    local: int
    clients: int
    worker_kills: int
    server_kills: int

    @property
    def jobs(self) -> int:
        return self.remote + self.local


SIZES = {
    "5 kills": Size(remote=40, local=5, clients=10, worker_kills=5, server_kills=1),
    "20 kills": Size(remote=900, local=100, clients=50, worker_kills=20, server_kills=5),
    "200 kills": Size(remote=900, local=100, clients=50, worker_kills=200, server_kills=20),
}
"""`-k "20 kills"` chooses one."""


class Process:
    """One that is started again whenever it was killed."""

    def __init__(self, world: World, environment: dict[str, str], *words: str) -> None:
        self._world = world
        self._environment = world.environment | environment
        self._words = words
        self.process = self._start()

    def kill(self) -> int:
        """Kill it, and start the next one; returns the pid of the dead one."""
        dead = self.process.pid
        self.end()
        self.process = self._start()
        return dead

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        with (self._world.root / f"{self._words[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "mcp_relight", *self._words],
                env=self._environment,
                cwd=self._world.root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )


@dataclass
class Siege:
    world: World
    cluster: Cluster
    simulator: SimulatorHandle
    size: Size
    photo: Path
    random: random.Random
    workers: list[Process] = field(default_factory=list)
    servers: list[tuple[Process, str]] = field(default_factory=list)
    redelivered: list[tuple[float, str]] = field(default_factory=list)
    """After how many seconds, and what: the kind of job and the stage it was found in."""
    accepted: set[str] = field(default_factory=set)
    ordered: int = 0
    kills: int = 0
    is_over: bool = False
    _found_at: tuple[str, float] = ("", 0.0)

    @contextmanager
    def laid(self) -> Iterator[None]:
        common = remote_environment(self.simulator) | {
            "MCP_RELIGHT_DATABASE_URL": self.cluster.url,
            "MCP_RELIGHT_DAILY_BUDGET_USD": "100000",
        }
        made = self.world.run("migrate", environment=self.world.environment | common)
        assert made.returncode == 0, made.stderr
        try:
            self.workers += [Process(self.world, common, "worker") for _ in range(3)]
            for port in (_free_port(), _free_port()):
                words = ("serve", "--http", "--port", str(port))
                url = f"http://127.0.0.1:{port}/mcp"
                self.servers.append((Process(self.world, common, *words), url))
            yield
        finally:
            for process in (*self.workers, *(server for server, _ in self.servers)):
                process.end()

    async def order(self) -> None:
        """A client: gives the same order again, by its key, until somebody has answered it; and
        more orders for as long as workers are killed."""
        while self.ordered < self.size.jobs or not self.is_over:
            number, self.ordered = self.ordered, self.ordered + 1
            arguments = self._arguments(number)
            with anyio.fail_after(300):
                while not await self._try(arguments):  # noqa: ASYNC110 - its server starts again
                    await anyio.sleep(0.5)
            await anyio.sleep(self.random.uniform(5, 15))

    async def _try(self, arguments: dict[str, Any]) -> bool:
        _, url = self.random.choice(self.servers)
        try:
            async with Client(url) as client:
                result = await client.call_tool("relight_image", arguments)
        except Exception:  # noqa: BLE001 - its server died: whatever that looks like
            return False
        if result.is_error:
            words = str(result.content)
            log = (self.world.root / "serve.log").read_text()
            assert "did not answer" in words, words + log[-8000:]
            return False
        assert result.structured_content is not None
        self.accepted.add(result.structured_content["job_id"])
        return True

    def _arguments(self, number: int) -> dict[str, Any]:
        common = {"wait_s": 0, "idempotency_key": f"order {number}", "image": str(self.photo)}
        if number % (self.size.jobs // self.size.local) == 0:
            return common | {"look": "golden_hour", "exposure_ev": number / 10_000}
        model = MODELS[number % len(MODELS)]
        if not model.startswith("segmind/"):
            common["image"] = self._address()
        return common | {
            "model": model,
            "prompt": f"light number {number}",
            "finish": "as-returned",
        }

    def _address(self) -> str:
        """Where a provider finds the photo. Such an address lives for an hour, a siege for longer
        on a busy machine."""
        url, until = self._found_at
        if time.monotonic() > until:
            url = upload(self.simulator, self.photo)
            self._found_at = url, time.monotonic() + _ADDRESS_S
        return url

    async def kill_workers(self) -> None:
        """Each while it has a job in its hands, at any moment of that, and two others live: else
        it would be timed how soon a process starts here."""
        async with anyio.create_task_group() as tasks:
            while self.kills < self.size.worker_kills:
                victim = await self._busy_worker()
                await anyio.sleep(self.random.uniform(0, 1))
                dead = await anyio.to_thread.run_sync(victim.kill)
                self.kills += 1
                tasks.start_soon(self._time_redelivery, dead)
                await self._until_two_live()
        self.is_over = True

    async def _until_two_live(self) -> None:
        await anyio.sleep(_FRESH_S)  # so long the dead one looks alive
        while len(await self._read(_SQL_LIVING)) < 2 * _PER_PROCESS:  # noqa: ASYNC110 - they start
            await anyio.sleep(0.5)

    async def _busy_worker(self) -> Process:
        while True:
            names = {row["worker"] or "" for row in await self.rows() if row["stage"] not in _OVER}
            busy = [
                worker
                for worker in self.workers
                if any(f"-{worker.process.pid}-" in name for name in names)
            ]
            if busy:
                return self.random.choice(busy)
            await anyio.sleep(0.1)

    async def kill_servers(self) -> None:
        for number in range(self.size.server_kills):
            await self._until_accepted((number + 1) / (self.size.server_kills + 1))
            server, _ = self.random.choice(self.servers)
            await anyio.to_thread.run_sync(server.kill)

    async def restart_database(self) -> None:
        await self._until_accepted(0.5)
        await anyio.to_thread.run_sync(self.cluster.restart)

    async def _until_accepted(self, share: float) -> None:
        while len(self.accepted) < share * self.size.jobs:  # noqa: ASYNC110 - clients fill it
            await anyio.sleep(0.1)

    async def _time_redelivery(self, dead_pid: int) -> None:
        """How long what the dead worker had in its hands waits for another."""
        died_at = time.monotonic()
        held = await self._held_by(dead_pid)
        while held and time.monotonic() - died_at < 4 * REDELIVERED_S:
            await anyio.sleep(0.5)
            left, waited_s = await self._held_by(dead_pid), time.monotonic() - died_at
            self.redelivered += [(waited_s, held[job]) for job in held.keys() - left.keys()]
            held = {job: what for job, what in held.items() if job in left}
        self.redelivered += [(time.monotonic() - died_at, what) for what in held.values()]

    async def _held_by(self, pid: int) -> dict[str, str]:
        rows = [row for row in await self.rows() if is_held_by(row, pid, time.time())]
        kinds = {row["job_id"]: "remote" if row["credential_id"] else "local" for row in rows}
        return {row["job_id"]: f"{kinds[row['job_id']]} {row['stage']}" for row in rows}

    async def rows(self) -> list[dict[str, Any]]:
        return [dict(zip(_COLUMNS, row, strict=True)) for row in await self._read(_SQL_ROWS)]

    async def _read(self, statement: str) -> list[Any]:
        import psycopg

        while True:
            try:
                return await anyio.to_thread.run_sync(self.cluster.execute, statement)
            except psycopg.OperationalError:
                await anyio.sleep(0.2)  # it is being restarted

    async def until_over(self, *but: str, within_s: float) -> None:
        with anyio.fail_after(within_s):
            while any(  # noqa: ASYNC110 - other processes move them
                row["stage"] not in {*_OVER, *but} for row in await self.rows()
            ):
                await anyio.sleep(1)

    def let_requests_end(self) -> None:
        """As if the longest time that a request may be under way had passed."""
        for statement in (
            "UPDATE jobs SET submitted_at = submitted_at - 200 WHERE stage = 'submitting'",
            "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'",
        ):
            self.cluster.execute(statement)


def is_held_by(row: dict[str, Any], pid: int, now: float) -> bool:
    """In its hands and due. A request that may be under way is waited for on purpose."""
    is_open = row["stage"] not in {*_OVER, "submitting"} and row["due_at"] < now
    return is_open and f"-{pid}-" in (row["worker"] or "")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
async def test_a_team_pays_nothing_twice_and_loses_no_job(
    world: World, tmp_path: Path, size: Size
) -> None:
    journal = tmp_path / "journal.jsonl"
    with (
        journalled_simulator(journal, speed=30) as simulator,
        running_postgres(fsync=True) as cluster,
    ):
        for provider, key in simulator.keys.items():
            simulator.open_account(provider, key, 1e6)
        photo = world.photo("mug.png", width=64, height=64)
        chance = random.Random(20261129)
        siege = Siege(world, cluster, simulator, size, photo, chance)
        with siege.laid():
            async with anyio.create_task_group() as tasks:
                for _ in range(size.clients):
                    tasks.start_soon(siege.order)
                for blow in (siege.kill_workers, siege.kill_servers, siege.restart_database):
                    tasks.start_soon(blow)
            await siege.until_over("submitting", within_s=600)
            siege.let_requests_end()
            await siege.until_over(within_s=120)
        rows = await siege.rows()
    tell(siege, rows, journal)
    assert siege.accepted == {row["job_id"] for row in rows}
    assert len(rows) == siege.ordered >= size.jobs
    check_money(rows, journal)
    assert p95(siege) <= REDELIVERED_S


def check_money(rows: list[dict[str, Any]], journal: Path) -> None:
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    charges = [event for event in events if event["event"] == "charge"]
    bodies = Counter(
        event["sha256"]
        for event in events
        if event["event"] == "post" and event["phase"] == "submit" and event["sha256"]
    )
    # Every order had words of its own, so the same body twice is the same picture paid twice.
    assert [body for body, count in bodies.items() if count > 1] == []
    stages = Counter(row["stage"] for row in rows)
    for row in rows:
        if row["stage"] not in {"succeeded", "submit_unknown"}:
            # Free, and killed twice while it was rendered: that much is tried, and said.
            assert row["stage"] == "failed"
            assert row["error"]["code"] == "engine_crashed"
            assert row["submits"] == 0
    known = [row["ticket"].removeprefix("done:") for row in rows if row["ticket"]]
    assert len(known) == len(set(known)), "two jobs, one ticket"
    unclaimed = [charge for charge in charges if charge["job"] not in known]
    assert len(unclaimed) <= stages["submit_unknown"], "a charge that no job answers for"
    assert len(charges) <= sum(row["submits"] > 0 for row in rows)


def tell(siege: Siege, rows: list[dict[str, Any]], journal: Path) -> None:
    """The figures, for a reader of the output."""
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    charges = sum(event["event"] == "charge" for event in events)
    waits = sorted(siege.redelivered)
    median_s = statistics.median(waited_s for waited_s, _ in waits)
    print(  # noqa: T201
        f"{siege.kills} kills of workers, {siege.size.server_kills} of servers, one "
        f"restart: {dict(Counter(row['stage'] for row in rows))}, {charges} charges; "
        f"{len(waits)} jobs taken up again, median {median_s:.1f} s, "
        f"p95 {p95(siege):.1f} s; the last: "
        + ", ".join(f"{waited_s:.1f} s ({what})" for waited_s, what in waits[-5:])
    )


def p95(siege: Siege) -> float:
    waits = sorted(waited_s for waited_s, _ in siege.redelivered)
    return waits[int(0.95 * len(waits))]
