"""A store of pictures that does not answer: every step waits for it, and nothing paid is lost."""

from pathlib import Path
from typing import Any

import pytest

from mcp_relight.domain.exchange import Accepted, Output, Rendered
from mcp_relight.domain.job import Job
from mcp_relight.errors import StoreDown
from tests.jobs.fakes import ORIGINAL, FakeImages, FakeProvider, World

pytestmark = pytest.mark.anyio

PICTURE = Rendered(outputs=(Output(data=b"result"),))
LINKED = Rendered(outputs=(Output(url="https://cloud.example/1.png"),))


class FarImages(FakeImages):
    """Out of reach until the clock says otherwise, or as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.down_for_puts = 0

    def _look(self) -> None:
        if self.is_down:
            raise StoreDown("No answer.")

    async def put(self, picture: Any) -> Any:
        if self.down_for_puts:
            self.down_for_puts -= 1
            raise StoreDown("No answer.")
        self._look()
        return await super().put(picture)

    async def read(self, image_id: str) -> bytes:
        self._look()
        return await super().read(image_id)

    async def publish(self, image_id: str, folder: Path, stem: str) -> None:  # pyright: ignore
        """No folder has the results."""


def world_of(folder: Path, provider: FakeProvider, *, is_local: bool = False) -> World:
    return World(folder, provider, is_local=is_local, images=FarImages())


async def outlast(world: World, job: Job, *, steps: int) -> Job:
    """Advance so often while the store is away, then until the job has ended."""
    images: Any = world.images
    images.is_down = True
    for _ in range(steps):
        world.clock.time = max(world.clock.time, job.due_at)
        job = await world.advance(job)
        assert not job.is_terminal, job.error
        assert job.due_at > world.clock.now()
    images.is_down = False
    return await world.until_settled(job)


async def test_a_picture_that_came_with_the_reply_is_kept_after_half_an_hour(
    tmp_path: Path,
) -> None:
    """It was paid for, and is nowhere else."""
    world = world_of(tmp_path, FakeProvider(submits=[PICTURE]))
    job = await world.new()
    images: Any = world.images
    images.down_for_puts = 360
    started = world.clock.now()
    job = await world.until_settled(job)
    assert (job.stage, job.cost.billed) == ("succeeded", "yes")
    assert world.clock.now() - started >= 1_800
    assert world.provider.submitted == [job.job_id]


async def test_a_result_is_fetched_again_as_long_as_its_provider_has_it(tmp_path: Path) -> None:
    provider = FakeProvider(submits=[Accepted(ticket="t-1", poll_after_s=2.0)], polls=[LINKED])
    world = world_of(tmp_path, provider)
    world.downloads.pages["https://cloud.example/1.png"] = b"result"
    job = await world.advance(await world.new())
    world.clock.time = job.due_at
    job = await world.advance(job)
    assert job.stage == "downloading"
    images: Any = world.images
    images.down_for_puts = 40
    job = await world.until_settled(job)
    assert job.stage == "succeeded"
    assert await world.images.read(job.images[0]) == b"result"


async def test_finishing_waits_and_loses_neither_light_nor_report(tmp_path: Path) -> None:
    world = world_of(tmp_path, FakeProvider(submits=[PICTURE]))
    job = await world.advance(await world.new(finish="light-only"))
    assert job.stage == "finishing"
    job = await outlast(world, job, steps=12)
    assert job.stage == "succeeded"
    assert job.report is not None
    assert job.images != job.returned
    assert job.warnings == ()


async def test_a_local_job_is_made_again_and_its_tries_are_not_used_up(tmp_path: Path) -> None:
    world = world_of(tmp_path, FakeProvider(submits=[PICTURE], name="local"), is_local=True)
    job = await world.new()
    images: Any = world.images
    images.down_for_puts = 5
    for _ in range(5):
        world.clock.time = max(world.clock.time, job.due_at)
        job = await world.advance(job)
        assert (job.stage, job.attempts) == ("queued", 0)
        assert "store of pictures" in job.note
    assert (await world.until_settled(job)).stage == "succeeded"


async def test_what_could_not_be_read_for_a_provider_was_not_sent(tmp_path: Path) -> None:
    world = world_of(tmp_path, FakeProvider(submits=[PICTURE]))
    job = await world.new()
    world.inputs.problems = [StoreDown("No answer.") for _ in range(12)]
    job = await world.until_settled(job)
    assert job.stage == "succeeded"
    assert len(world.provider.submitted) == 1


async def test_results_that_no_folder_has_are_told_without_a_warning(tmp_path: Path) -> None:
    world = world_of(tmp_path, FakeProvider(submits=[PICTURE]))
    job = await world.until_settled(await world.new())
    assert (job.stage, job.paths, job.warnings) == ("succeeded", (None,), ())
    assert await world.images.read(job.request.image_id) == ORIGINAL
