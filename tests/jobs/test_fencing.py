"""Two workers and one job: what one was taken for dead over is not lost when it was not dead."""

from pathlib import Path

import pytest

from mcp_relight.domain.exchange import Accepted, Outcome, Output, Rendered
from mcp_relight.domain.job import Job
from mcp_relight.errors import ProviderDown
from tests.jobs.fakes import OWNER, FakeProvider, World

pytestmark = pytest.mark.anyio

REPLY = Accepted(ticket="t-late", poll_after_s=2.0)
PICTURE = Rendered(outputs=(Output(data=b"result"),))


async def claim_by_another(world: World, job_id: str) -> Job:
    claimed = await world.store.claim(await world.store.get(job_id), "w.2")
    assert claimed is not None
    return claimed


def taken_over(world: World, *, how: str) -> None:
    """While the submit is under way, another worker takes the row over, and may act on it."""

    async def take_over() -> None:
        [job_id] = world.provider.submitted
        claimed = await claim_by_another(world, job_id)
        if how != "claimed":
            unknown = await world.new_steps().advance(claimed)
            assert unknown is not None
            assert unknown.stage == "submit_unknown"
        if how == "given up":
            await world.store.request_cancel(job_id, owner=OWNER)

    world.provider.on_submit = take_over


@pytest.mark.parametrize("how", ["claimed", "found unknown"])
@pytest.mark.parametrize(
    ("reply", "stage"), [(REPLY, "running"), (PICTURE, "finishing")], ids=["ticket", "picture"]
)
async def test_a_late_reply_is_kept(tmp_path: Path, how: str, reply: Outcome, stage: str) -> None:
    world = World(tmp_path, FakeProvider(submits=[reply]))
    taken_over(world, how=how)
    job = await world.new()
    assert await world.steps.advance(job) is None
    kept = await world.store.get(job.job_id)
    assert (kept.stage, kept.worker, kept.submits) == (stage, "w.2", 1)
    assert kept.error is None
    assert kept.ticket == ("t-late" if reply is REPLY else None)
    ended = await world.until_settled(kept)
    assert (ended.stage, len(world.provider.submitted)) == ("succeeded", 1)


async def test_a_job_that_a_person_gave_up_stays_given_up(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(submits=[REPLY]))
    taken_over(world, how="given up")
    job = await world.new()
    assert await world.steps.advance(job) is None
    assert (await world.store.get(job.job_id)).stage == "cancelled"


async def test_a_late_refusal_sends_nothing_again(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(submits=[ProviderDown("Down.").of_submit("no")]))
    taken_over(world, how="found unknown")
    job = await world.new()
    assert await world.steps.advance(job) is None
    left = await world.until_settled(await world.store.get(job.job_id))
    assert (left.stage, len(world.provider.submitted)) == ("submit_unknown", 1)


async def test_a_slot_survives_a_change_of_worker(tmp_path: Path) -> None:
    """Else each would take a later one, and the job might never be sent."""
    world = World(tmp_path, per_minute=60, burst=1)
    first, second = await world.new(), await world.new()
    start = world.clock.time
    await world.advance(first)
    waiting = await world.advance(second)
    assert waiting.stage == "queued"
    for worker in ("w.2", "w.3", "w.4"):
        claimed = await world.store.claim(waiting, worker)
        assert claimed is not None
        after = await world.new_steps().advance(claimed)
        assert after is not None
        assert after.due_at == pytest.approx(start + 1, abs=0.01)
        waiting = after
    world.clock.time = waiting.due_at
    sent = await world.new_steps().advance(waiting)
    assert sent is not None
    assert (sent.stage, sent.slots) == ("running", ())
    assert world.clock.time == pytest.approx(start + 1, abs=0.01)
