"""Every request of a step passes the rate gate, and nothing waits where waiting costs certainty."""

from pathlib import Path

import pytest

from mcp_relight.domain.exchange import Accepted, Output, Rate, Rendered, Working
from mcp_relight.domain.job import Job
from mcp_relight.domain.ports import Turn
from mcp_relight.errors import (
    NeedsPublicUrl,
    ProviderBusy,
    ProviderDown,
    ProviderProtocol,
    RelightError,
)
from mcp_relight.jobs.ports import RateLimiter
from tests.jobs.fakes import FakeClock, FakeProvider, World

pytestmark = pytest.mark.anyio

RATE = Rate(name="key", per_minute=60, burst=1)


def gated(folder: Path, *, uploads: int = 0) -> World:
    """A world whose gate lets one request a second through."""
    world = World(folder, per_minute=60, burst=1)
    world.inputs.uploads = uploads
    return world


async def test_the_requests_of_one_submit_are_a_slot_apart_each(tmp_path: Path) -> None:
    world = gated(tmp_path, uploads=3)
    start = world.clock.time
    job = await world.advance(await world.new())
    assert job.stage == "running"
    assert world.clock.time == pytest.approx(start + 3, abs=0.01)


async def test_a_submit_waits_for_its_slots_behind_nobody_who_came_later(tmp_path: Path) -> None:
    world = gated(tmp_path, uploads=1)
    first = await world.new()
    others = [await world.new() for _ in range(5)]
    start = world.clock.time
    await world.advance(first)
    waits = [(await world.advance(job)).due_at - start for job in others]
    assert waits == pytest.approx([2, 4, 6, 8, 10], abs=0.01)


async def test_nothing_is_waited_for_once_a_job_is_said_to_be_sent(tmp_path: Path) -> None:
    """Found in that stage it would have to be taken for sent, although it was only waiting."""
    world = gated(tmp_path, uploads=2)
    reserved: list[float] = []
    sent: list[float] = []
    reserve = world.store.reserve

    async def noted(job: Job, **changes: object) -> Job | None:
        reserved.append(world.clock.time)
        return await reserve(job, **changes)  # type: ignore[arg-type]

    async def note() -> None:
        sent.append(world.clock.time)

    world.store.reserve = noted  # type: ignore[method-assign]
    world.provider.on_submit = note
    await world.advance(await world.new())
    assert reserved == sent


async def test_a_request_more_than_foreseen_waits_for_a_slot_of_its_own(tmp_path: Path) -> None:
    class Chatty(FakeProvider):
        async def poll(self, job: Job, turn: Turn) -> Working:
            await turn()
            await turn()
            return Working(poll_after_s=1.0)

    world = World(tmp_path, Chatty(), per_minute=60, burst=1)
    job = await world.advance(await world.new())
    world.clock.time = job.due_at
    start = world.clock.time
    await world.advance(job)
    assert world.clock.time == pytest.approx(start + 1, abs=0.01)


async def test_a_slot_is_used_once_and_an_old_one_not_at_all(tmp_path: Path) -> None:
    world = World(tmp_path)
    slots, clock = RateLimiter(world.store, world.clock), world.clock
    assert await slots.wait_s("a", RATE) == 0
    await slots.use("a", RATE)
    assert await slots.wait_s("a", RATE) == pytest.approx(1)
    start = clock.time
    await slots.use("a", RATE)
    assert clock.time == pytest.approx(start + 1)
    await slots.wait_s("b", RATE)
    clock.time += 10
    await slots.use("b", RATE)
    # The old slot was given up; the one used in its place came from the gate now.
    assert await slots.wait_s("c", RATE) == pytest.approx(1)


async def test_a_held_gate_takes_back_the_slots_that_were_given_out(tmp_path: Path) -> None:
    world = World(tmp_path)
    slots = RateLimiter(world.store, world.clock)
    await slots.ready("a", RATE)
    await slots.hold(RATE, 30)
    assert await slots.wait_s("a", RATE) == pytest.approx(30)


PASSING = [
    ProviderDown("Down.", billed="no"),
    ProviderBusy("Busy.", billed="no"),
    ProviderProtocol("Odd."),
]


@pytest.mark.parametrize("problem", PASSING, ids=lambda error: error.code)
async def test_an_upload_that_fails_is_made_again_later_and_nothing_is_paid(
    tmp_path: Path, problem: RelightError
) -> None:
    world = World(tmp_path)
    world.inputs.problems = [problem]
    job = await world.advance(await world.new())
    assert (job.stage, job.submits) == ("queued", 0)
    assert job.due_at > world.clock.time
    job = await world.until_settled(job)
    assert job.stage == "succeeded"
    assert world.provider.submitted == [job.job_id]


async def test_an_upload_that_fails_again_and_again_ends_the_job(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.inputs.problems = [ProviderDown("Down.", billed="no")] * 100
    job = await world.until_settled(await world.new())
    assert job.stage == "failed"
    assert (job.cost.usd, job.cost.billed) == (0, "no")
    assert len(world.inputs.problems) == 100 - 5
    assert world.provider.submitted == []


async def test_what_will_not_pass_ends_the_job_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.inputs.problems = [NeedsPublicUrl("No.")]
    assert (await world.advance(await world.new())).stage == "failed"


async def test_a_busy_provider_is_left_alone_by_everybody_during_an_upload_too(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.inputs.problems = [ProviderBusy("Busy.", billed="no", retry_after_s=40.0)]
    assert (await world.advance(await world.new())).due_at == world.clock.time + 40
    assert (await world.advance(await world.new())).due_at >= world.clock.time + 40


async def test_a_cancel_that_does_not_get_through_is_asked_for_again(tmp_path: Path) -> None:
    class Deaf(FakeProvider):
        async def cancel(self, job: Job, turn: Turn) -> bool:
            await turn()
            self.cancelled.append(job.job_id)
            if len(self.cancelled) < 3:
                raise ProviderDown("Down.", billed="unknown")
            return True

    world = World(tmp_path, Deaf())
    job = await world.advance(await world.new())
    await world.store.request_cancel(job.job_id, owner=job.owner)
    job = await world.until_settled(await world.store.get(job.job_id))
    assert job.stage == "cancelled"
    assert len(world.provider.cancelled) == 3


async def test_a_result_under_another_ticket_is_fetched_by_the_next_poll(tmp_path: Path) -> None:
    polls = [Accepted(ticket="done:t-1", poll_after_s=0.0), Rendered(outputs=(Output(data=b"r"),))]
    world = World(tmp_path, FakeProvider(polls=polls), clock=FakeClock())
    job = await world.advance(await world.new())
    world.clock.time = job.due_at
    job = await world.advance(job)
    assert (job.stage, job.ticket) == ("running", "done:t-1")
    assert job.due_at <= world.clock.time
    assert (await world.until_settled(job)).stage == "succeeded"


async def test_the_seed_the_provider_used_is_kept_with_the_job(tmp_path: Path) -> None:
    picture = Rendered(outputs=(Output(data=b"result"),), seed=1234)
    world = World(tmp_path, FakeProvider(polls=[picture]))
    job = await world.until_settled(await world.new())
    assert job.request.seed == 1234
