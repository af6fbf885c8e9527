"""Calls of providers: they make a job due, once a second at most, and do nothing else."""

from itertools import pairwise
from typing import Any

import anyio
import pytest

from mcp_relight.domain import capability
from mcp_relight.domain.job import Job
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import FakeClock, new_job

pytestmark = pytest.mark.anyio

HASHED = capability.hash_of("x" * 43)


async def at(
    store: Store, clock: FakeClock, *stages: str, address: str = "x" * 43, **changes: Any
) -> Job:
    """A job that went through these stages, with an address to be called."""
    (job,) = await store.insert([new_job()])
    await store.hooks.open(capability.hash_of(address), job_id=job.job_id)
    for stage in stages:
        if stage == "submitting":
            moved = await store.reserve(job, day_budget_usd=10.0)
        else:
            moved = await store.move(job, stage, due_at=clock.now() + 60, **changes)  # pyright: ignore
        assert moved is not None
        job = moved
    clock.time += 5
    return job


async def test_a_job_at_its_provider_is_looked_at_now(store: Store, clock: FakeClock) -> None:
    job = await at(store, clock, "submitting", "running", ticket="t-1")
    assert await store.hooks.call(HASHED)
    hurried = await store.get(job.job_id)
    assert hurried.due_at == clock.now()
    assert (hurried.stage, hurried.ticket, hurried.updated_at) == ("running", "t-1", job.updated_at)


async def test_many_calls_are_one_question_a_second(store: Store, clock: FakeClock) -> None:
    job = await at(store, clock, "submitting", "running", ticket="t-1")
    asked: list[float] = []
    for _ in range(500):  # five seconds, a hundred calls in each
        assert await store.hooks.call(HASHED)
        job = await store.get(job.job_id)
        if job.due_at <= clock.now():
            asked.append(clock.now())
            again = await store.move(job, "running", due_at=clock.now() + 10)
            assert again is not None
        clock.time += 0.01
    assert 4 <= len(asked) <= 6
    assert min(b - a for a, b in pairwise(asked)) >= 0.99


@pytest.mark.parametrize(
    "stages",
    [
        (),
        ("submitting",),
        ("submitting", "submit_unknown"),
        ("submitting", "downloading"),
        ("submitting", "finishing"),
        ("failed",),
        ("cancelled",),
        ("submitting", "finishing", "succeeded"),
        ("submitting", "running", "expired"),
    ],
    ids=lambda stages: "".join(stages[-1:]) or "queued",
)
async def test_too_early_and_too_late_change_nothing(
    store: Store, clock: FakeClock, stages: tuple[str, ...]
) -> None:
    job = await at(store, clock, *stages)
    for _ in range(3):
        assert await store.hooks.call(HASHED)
        assert await store.get(job.job_id) == job


@pytest.mark.parametrize("stages", [("submitting",), ("submitting", "submit_unknown")])
@pytest.mark.parametrize("calls", [0, 1, 3])
async def test_a_call_before_the_ticket_is_remembered_until_there_is_one(
    store: Store, clock: FakeClock, stages: tuple[str, ...], calls: int
) -> None:
    job = await at(store, clock, *stages)
    for _ in range(calls):
        assert await store.hooks.call(HASHED)
    running = await store.move(job, "running", ticket="t-1", due_at=clock.now() + 60)
    assert running is not None
    assert running.due_at == clock.now() + (1 if calls else 60)
    asked = await store.move(running, "running", due_at=clock.now() + 60)  # it still works there
    assert asked is not None
    assert asked.due_at == clock.now() + 60


async def test_what_an_earlier_sending_was_called_for_is_not_this_ones(
    store: Store, clock: FakeClock
) -> None:
    job = await at(store, clock, "submitting")
    assert await store.hooks.call(HASHED)
    queued = await store.move(job, "queued", due_at=clock.now())
    assert queued is not None
    await store.hooks.open(capability.hash_of("z" * 43), job_id=job.job_id)
    sent = await store.reserve(queued, day_budget_usd=10.0)
    assert sent is not None
    running = await store.move(sent, "running", ticket="t-1", due_at=clock.now() + 60)
    assert running is not None
    assert running.due_at == clock.now() + 60


@pytest.mark.long
async def test_a_call_that_comes_while_the_ticket_is_written_is_not_lost(
    empty_database: str, clock: FakeClock
) -> None:
    """On whichever side of the writing it falls."""
    store = Store(empty_database, is_living=lambda _: False, now=clock.now)
    for number in range(20):
        job = await at(store, clock, "submitting", address=f"{number:043}")

        async def call(text: str = f"{number:043}") -> None:
            assert await store.hooks.call(capability.hash_of(text))

        async def move(sent: Job = job) -> None:
            assert await store.move(sent, "running", ticket="t-1", due_at=clock.now() + 60)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            tasks.start_soon(move)
        assert (await store.get(job.job_id)).due_at <= clock.now() + 1
    await store.aclose()


async def test_what_was_never_given_out_is_unknown(store: Store, clock: FakeClock) -> None:
    job = await at(store, clock, "submitting", "running")
    assert not await store.hooks.call(capability.hash_of("y" * 43))
    assert await store.get(job.job_id) == job


async def test_a_job_has_one_address_at_a_time(store: Store, clock: FakeClock) -> None:
    job = await at(store, clock, "submitting", "running")
    newer = capability.hash_of("z" * 43)
    await store.hooks.open(newer, job_id=job.job_id)
    assert not await store.hooks.call(HASHED)
    assert await store.hooks.call(newer)


async def test_an_hour_after_its_job_an_address_is_unknown(store: Store, clock: FakeClock) -> None:
    await at(store, clock, "submitting", "finishing", "succeeded")
    clock.time += 3590
    await store.hooks.drop_old()
    assert await store.hooks.call(HASHED)
    clock.time += 10
    assert not await store.hooks.call(HASHED)
    await store.hooks.drop_old()
    clock.time -= 10
    assert not await store.hooks.call(HASHED)


async def test_a_forgotten_job_takes_its_address_with_it(store: Store, clock: FakeClock) -> None:
    job = await at(store, clock, "failed")
    await store.forget(job.job_id, owner=job.owner)
    assert not await store.hooks.call(HASHED)
    await store.hooks.drop_old()
