"""What was written down before the clock was put back is not believed after it."""

from pathlib import Path

import pytest

from mcp_relight.domain.exchange import Pace, Rate, Working
from mcp_relight.jobs.ports import RateLimiter, poll_again_s
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import KEY, OWNER, FakeClock, FakeProvider, World, new_job

pytestmark = pytest.mark.anyio

BACK_S = (30, 300, 1800, 3000, 3600, 3700, 7200, 90_000)
DAY_S = 86_400.0
RATE = Rate(name="key", per_minute=60, burst=2)


@pytest.mark.parametrize("back_s", BACK_S)
async def test_a_gate_lets_through_what_it_owes_and_no_less(
    store: Store, clock: FakeClock, back_s: float
) -> None:
    async def take() -> float:
        return await store.take_slot("key", per_minute=60, burst=10)

    for _ in range(15):
        await take()
    clock.time -= back_s
    assert await take() == pytest.approx(6)
    clock.time -= back_s
    assert await take() == pytest.approx(7)
    clock.time += 100
    assert await take() == 0


@pytest.mark.parametrize("back_s", BACK_S)
async def test_a_hold_lasts_as_long_as_was_asked_for(tmp_path: Path, back_s: float) -> None:
    world = World(tmp_path)
    mine, another = (RateLimiter(world.store, world.clock) for _ in range(2))
    await mine.hold(RATE, 30)
    world.clock.time -= back_s
    for limiter in (mine, another):
        assert 29 <= await limiter.wait_s("a", RATE) <= 32
    start = world.clock.time
    await mine.use("a", RATE)
    assert world.clock.time - start <= 32


@pytest.mark.parametrize("back_s", BACK_S)
async def test_a_slot_is_waited_for_no_longer_than_it_was(tmp_path: Path, back_s: float) -> None:
    world = World(tmp_path)
    limiter = RateLimiter(world.store, world.clock)
    for _ in range(3):
        await limiter.use("a", RATE)
    before = await limiter.wait_s("a", RATE)
    world.clock.time -= back_s
    assert await limiter.wait_s("a", RATE) <= before + 1.1


@pytest.mark.parametrize("back_s", BACK_S)
async def test_a_row_is_looked_at_although_its_time_seems_far_away(
    store: Store, clock: FakeClock, back_s: float
) -> None:
    [job] = await store.insert([new_job()])
    assert await store.move(job, "queued", due_at=clock.time + 5) is not None
    clock.time -= back_s
    due = await store.due(worker="w.1", credentials=[KEY], local=1, remote=1)
    assert [row.job_id for row in due] == [job.job_id]


async def test_a_job_without_an_end_ends_a_day_after_the_clock_was_put_back(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[Working()]))
    job = await world.advance(await world.new())
    world.clock.time -= 365 * DAY_S
    job = await world.advance(job)
    assert job.submitted_at == world.clock.time
    world.clock.time += DAY_S + 60
    assert (await world.advance(job)).stage == "expired"


async def test_a_job_that_may_have_been_sent_keeps_its_time_as_evidence(tmp_path: Path) -> None:
    world = World(tmp_path)
    sending = await world.store.reserve(
        await world.new(), day_budget_usd=10.0, submitted_at=world.clock.time
    )
    assert sending is not None
    world.clock.time -= 3600
    assert (await world.advance(sending)).submitted_at == sending.submitted_at


async def test_the_same_request_is_a_new_job_after_ten_minutes(
    store: Store, clock: FakeClock
) -> None:
    [first] = await store.insert([new_job(dedup_key="same")])
    [same] = await store.insert([new_job(dedup_key="same")])
    clock.time -= 3600
    [other] = await store.insert([new_job(dedup_key="same")])
    assert same.job_id == first.job_id != other.job_id


async def test_an_ended_job_goes_a_month_after_the_clock_was_put_back(
    store: Store, clock: FakeClock
) -> None:
    [job] = await store.insert([new_job()])
    await store.request_cancel(job.job_id, owner=OWNER)
    clock.time -= 365 * DAY_S
    assert (await store.prune(image_bytes={})).jobs == 0
    clock.time += 31 * DAY_S
    assert (await store.prune(image_bytes={})).jobs == 1


@pytest.mark.parametrize(
    ("waited_s", "again_s"), [(0, 2), (4, 2), (8, 4), (20, 10), (100, 15), (300, 15)]
)
def test_waits_grow_with_the_age_of_the_job(waited_s: float, again_s: float) -> None:
    assert poll_again_s(Pace(2.0, 15.0), waited_s) == pytest.approx(again_s, rel=0.21)
