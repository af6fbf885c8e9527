"""Workers of a team: woken by a queue beside the store, while the row stays the truth."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_relight.domain import capability
from mcp_relight.domain.exchange import Accepted, Output, Rendered, Working
from mcp_relight.domain.job import OWN_KEYS, Job
from mcp_relight.jobs.ports import SUBMIT_SLACK_S
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import KEY, OWNER, FakeProvider, new_job, new_steps
from tests.jobs.postgres import Cluster

pytest.importorskip("procrastinate", reason="needs the extra team")

from mcp_relight.jobs.team.queue import Wakes
from mcp_relight.jobs.team.worker import TeamWorker

pytestmark = [pytest.mark.anyio, pytest.mark.long]

QUICK = Accepted(ticket="t-1", poll_after_s=0.1)


class Team:
    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.store = Store(url, is_living=lambda _: False, wakes=Wakes(url))

    @property
    def clock(self) -> Any:
        return self

    def now(self) -> float:
        return self.store.now()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def worker(self, *providers: FakeProvider, kinds: tuple[str, ...]) -> TeamWorker:
        async def tidy() -> None:
            return

        return TeamWorker(
            self.url,
            self.store,
            new_steps(self.store, self.folder, *providers, clock=self),
            clock=self,
            credentials=[KEY, OWN_KEYS],
            kinds=kinds,
            tidy=tidy,
            grace_s=1.0,
        )

    @asynccontextmanager
    async def working(
        self, *providers: FakeProvider, kinds: tuple[str, ...] = ("remote", "local")
    ) -> AsyncGenerator[TeamWorker]:
        worker = self.worker(*providers, kinds=kinds)
        async with worker, anyio.create_task_group() as tasks:
            tasks.start_soon(worker.run)
            yield worker
            worker.stop()

    async def until(self, job_id: str, *stages: str, within_s: float = 60.0) -> Job:
        with anyio.fail_after(within_s):
            async with self.store.watch([job_id]) as changes:
                async for job in changes:
                    if job.stage in stages:
                        return job
        raise AssertionError((await self.store.get(job_id)).stage)


@pytest.fixture
async def team(empty_database: str, tmp_path: Path) -> AsyncGenerator[Team]:
    team = Team(empty_database, tmp_path)
    yield team
    await team.store.aclose()


def tasks_of(postgres: Cluster, team: Team, job_id: str) -> list[Any]:
    found = postgres.execute(
        "SELECT lock, status, queueing_lock, priority, scheduled_at FROM procrastinate_jobs",
        url=team.url,
    )
    return [row[1:] for row in found if row[0] == job_id]


async def test_jobs_are_carried_out(team: Team) -> None:
    cloud, local = FakeProvider(submits=[QUICK]), FakeProvider(name="local", submits=[picture()])
    async with team.working(cloud, local):
        [remote] = await team.store.insert([new_job()])
        [free] = await team.store.insert([new_job(provider="local", credential_id=None)])
        await team.until(remote.job_id, "succeeded")
        await team.until(free.job_id, "succeeded")
    assert len(cloud.submitted) == 1


def picture() -> Rendered:
    return Rendered(outputs=(Output(data=b"result"),))


async def test_jobs_by_keys_of_owners_go_to_whoever_can_open_them(
    team: Team, postgres: Cluster
) -> None:
    cloud = FakeProvider(submits=[QUICK])
    async with team.working(cloud):
        done = await team.store.insert(
            [new_job(credential_id=f"{OWN_KEYS}{name}") for name in ("a", "b")]
        )
        for job in done:
            await team.until(job.job_id, "succeeded")
    (waiting,) = await team.store.insert([new_job(credential_id=f"{OWN_KEYS}c")])
    found = postgres.execute("SELECT lock, queue_name FROM procrastinate_jobs", url=team.url)
    assert (waiting.job_id, "key.own.") in found


async def test_a_row_and_its_reminder_are_both_there_or_neither(
    team: Team, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    [job] = await team.store.insert([new_job()])
    assert len(tasks_of(postgres, team, job.job_id)) == 1

    def broken(_: object, connection: object, job: Job) -> None:
        raise RuntimeError

    before = postgres.execute("SELECT count(*) FROM jobs", url=team.url)
    monkeypatch.setattr(Wakes, "wake", broken)
    with pytest.raises(RuntimeError):
        await team.store.insert([new_job()])
    assert postgres.execute("SELECT count(*) FROM jobs", url=team.url) == before


async def test_a_database_that_goes_away_in_the_midst_of_it_is_waited_for(
    team: Team, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await team.store.insert([new_job()])
    wake = Wakes.wake
    gone: list[str] = []

    def cut_off(self: Wakes, connection: Any, job: Job) -> None:
        if not gone:
            gone.append(job.job_id)
            postgres.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND application_name = 'mcp-relight'"
            )
        wake(self, connection, job)

    monkeypatch.setattr(Wakes, "wake", cut_off)
    [job] = await team.store.insert([new_job()])
    assert job.job_id not in gone
    assert len(tasks_of(postgres, team, job.job_id)) == 1
    assert len(gone) == 1


async def test_the_same_request_twice_is_one_reminder(team: Team, postgres: Cluster) -> None:
    [job] = await team.store.insert([new_job(dedup_key="same")])
    [same] = await team.store.insert([new_job(dedup_key="same")])
    assert same.job_id == job.job_id
    assert len(tasks_of(postgres, team, job.job_id)) == 1


async def test_a_worker_takes_only_what_it_can_do(team: Team, postgres: Cluster) -> None:
    local = FakeProvider(name="local", submits=[picture()])
    async with team.working(local, kinds=("local",)):
        [other] = await team.store.insert([new_job(credential_id="another key")])
        [remote] = await team.store.insert([new_job()])
        [free] = await team.store.insert([new_job(provider="local", credential_id=None)])
        await team.until(free.job_id, "succeeded")
    for job in (other, remote):
        assert (await team.store.get(job.job_id)).stage == "queued"
        assert len(tasks_of(postgres, team, job.job_id)) == 1


async def test_a_call_of_the_provider_overtakes_a_poll_that_is_far_away(team: Team) -> None:
    cloud = FakeProvider(
        submits=[Accepted(ticket="t-1", poll_after_s=500.0)],
        polls=[Rendered(outputs=(Output(data=b"result"),))],
    )
    async with team.working(cloud):
        [job] = await team.store.insert([new_job()])
        await team.store.hooks.open(capability.hash_of("x" * 43), job_id=job.job_id)
        await team.until(job.job_id, "running")
        for _ in range(5):
            assert await team.store.hooks.call(capability.hash_of("x" * 43))
        await team.until(job.job_id, "succeeded")
    assert len(cloud.polled) == 1


async def test_a_wish_to_cancel_overtakes_a_poll_that_is_far_away(team: Team) -> None:
    cloud = FakeProvider(
        submits=[Accepted(ticket="t-1", poll_after_s=500.0)], polls=[Working()], can_cancel=True
    )
    async with team.working(cloud):
        [job] = await team.store.insert([new_job()])
        await team.until(job.job_id, "running")
        await team.store.request_cancel(job.job_id, owner=OWNER)
        await team.until(job.job_id, "cancelled", within_s=5)


async def test_a_rendering_that_nobody_wants_is_stopped(team: Team) -> None:
    local = FakeProvider(name="local", submits=[picture()])
    local.on_submit = lambda: anyio.sleep(60)
    async with team.working(local):
        [job] = await team.store.insert([new_job(provider="local", credential_id=None)])
        await team.until(job.job_id, "running")
        await team.store.request_cancel(job.job_id, owner=OWNER)
        await team.until(job.job_id, "cancelled", within_s=5)


async def test_a_reminder_that_was_lost_is_missed_by_the_sweep(
    team: Team, postgres: Cluster
) -> None:
    [job] = await team.store.insert([new_job()])
    postgres.execute("DELETE FROM procrastinate_jobs", url=team.url)
    postgres.execute("UPDATE jobs SET due_at = due_at - 60", url=team.url)
    async with team.working(FakeProvider(submits=[QUICK])):
        await team.until(job.job_id, "succeeded", within_s=45)


@pytest.mark.parametrize("had_reminded", [False, True])
async def test_what_a_dead_worker_had_begun_is_taken_up(
    team: Team, postgres: Cluster, had_reminded: bool
) -> None:
    """Also where it had made its next reminder, which its documented retry would block for good."""
    cloud = FakeProvider()
    [job] = await team.store.insert([new_job()])
    die(postgres, team, job.job_id, had_reminded=had_reminded)
    async with team.working(cloud):
        await team.until(job.job_id, "succeeded", within_s=30)
    assert len(cloud.submitted) == 1


def die(postgres: Cluster, team: Team, job_id: str, *, had_reminded: bool) -> None:
    """A worker has fetched the reminder, and was last heard of a minute ago."""
    statements = [
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute')",
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = "
        "(SELECT max(id) FROM procrastinate_workers)",
    ]
    if had_reminded:
        statements.append(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, "
            "status) SELECT queue_name, task_name, lock, lock, args, 'todo' "
            "FROM procrastinate_jobs WHERE status = 'doing'"
        )
    for statement in statements:
        postgres.execute(statement, url=team.url)


async def test_nobody_looks_for_evidence_while_the_sender_may_still_be_sending(
    team: Team, postgres: Cluster
) -> None:
    cloud = FakeProvider(evidence=Accepted(ticket="t-evidence", poll_after_s=0.1))
    [job] = await team.store.insert([new_job()])
    claimed = await team.store.claim(job, "team-dead")
    assert claimed is not None
    sending = await team.store.reserve(claimed, day_budget_usd=10.0, submitted_at=team.store.now())
    assert sending is not None
    async with team.working(cloud):
        await until_true(lambda: reminders(postgres, team, job.job_id))
        # The task that made the reminder may not have ended yet.
        [scheduled_at] = [at for *_, at in tasks_of(postgres, team, job.job_id) if at is not None]
        due_in_s = scheduled_at.timestamp() - team.store.now()
        assert due_in_s == pytest.approx(cloud.submit_within_s + SUBMIT_SLACK_S, abs=15)
        assert (await team.store.get(job.job_id)).worker == "team-dead"
        assert cloud.submitted == []
        postgres.execute("UPDATE jobs SET submitted_at = submitted_at - 200", url=team.url)
        await team.store.request_cancel(job.job_id, owner=OWNER)  # wakes somebody now
        await team.until(job.job_id, "running", "cancelled", "succeeded")
    assert cloud.submitted == []


def reminders(postgres: Cluster, team: Team, job_id: str) -> bool:
    return any(row[3] is not None for row in tasks_of(postgres, team, job_id))


async def until_true(is_there: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not is_there():  # noqa: ASYNC110 - another process writes it
            await anyio.sleep(0.1)


async def test_a_worker_that_is_told_to_stop_leaves_its_job_to_the_next(team: Team) -> None:
    slow = FakeProvider(name="local", submits=[picture()])
    slow.on_submit = lambda: anyio.sleep(60)
    [job] = await team.store.insert([new_job(provider="local", credential_id=None)])
    with anyio.fail_after(30):
        async with team.working(slow):
            await team.until(job.job_id, "running")
    async with team.working(FakeProvider(name="local", submits=[picture()])):
        await team.until(job.job_id, "succeeded")


async def test_workers_live_through_a_restart(team: Team, postgres: Cluster) -> None:
    async with team.working(FakeProvider(submits=[QUICK])):
        await anyio.to_thread.run_sync(postgres.restart)
        [job] = await team.store.insert([new_job()])
        await team.until(job.job_id, "succeeded", within_s=45)
