"""Steps of a job on this machine, and finishing."""

from pathlib import Path

import anyio
import pytest

from mcp_relight.domain.exchange import Output, Rendered
from mcp_relight.errors import EngineCrashed, ImageNotFound, NeedsPublicUrl, TimedOut
from mcp_relight.service.showing import show_job
from tests.jobs.fakes import OWNER, FakeProvider, World

pytestmark = pytest.mark.anyio

PICTURE = Rendered(outputs=(Output(data=b"result"),))


def local_world(folder: Path, *answers: Rendered | Exception) -> World:
    return World(folder, FakeProvider(submits=answers or (PICTURE,), name="local"), is_local=True)


async def test_a_local_job_renders_finishes_and_costs_nothing(tmp_path: Path) -> None:
    world = local_world(tmp_path)
    job = await world.advance(await world.new())
    assert job.stage == "finishing"
    job = await world.advance(job)
    assert (job.stage, job.cost.usd, job.cost.billed) == ("succeeded", 0.0, "no")
    assert job.report is not None
    assert job.images == job.returned


async def test_nothing_of_a_local_job_is_put_up_anywhere_or_taken_back(tmp_path: Path) -> None:
    world = local_world(tmp_path)
    job = await world.new()
    world.inputs.up = {job.job_id}
    world.inputs.problems = [NeedsPublicUrl("No.")]
    assert (await world.until_settled(job)).stage == "succeeded"
    assert world.inputs.up == {job.job_id}
    assert world.inputs.problems


async def test_a_crash_of_the_engine_is_tried_once_more(tmp_path: Path) -> None:
    world = local_world(tmp_path, EngineCrashed("Ended."), PICTURE)
    job = await world.advance(await world.new())
    assert (job.stage, job.attempts) == ("queued", 1)
    assert (await world.until_settled(job)).stage == "succeeded"


async def test_a_second_crash_fails_the_job(tmp_path: Path) -> None:
    world = local_world(tmp_path, EngineCrashed("Ended."))
    job = await world.until_settled(await world.new())
    assert job.error is not None
    assert (job.stage, job.error.code) == ("failed", "engine_crashed")
    assert len(world.provider.submitted) == 2


async def test_any_other_failure_is_final(tmp_path: Path) -> None:
    world = local_world(tmp_path, TimedOut("Too slow."))
    job = await world.advance(await world.new())
    assert job.error is not None
    assert (job.stage, job.error.code) == ("failed", "timeout")


async def test_a_job_whose_worker_died_is_rendered_again_once(tmp_path: Path) -> None:
    world = local_world(tmp_path)
    job = await world.new()
    orphan = await world.store.move(job, "running", attempts=1)
    assert orphan is not None
    assert (await world.until_settled(orphan)).stage == "succeeded"
    twice = await world.store.move(await world.new(), "running", attempts=2)
    assert twice is not None
    assert (await world.advance(twice)).stage == "failed"


async def test_an_interrupted_job_is_cancelled_only_if_somebody_asked(tmp_path: Path) -> None:
    world = local_world(tmp_path)
    world.provider.on_submit = anyio.sleep_forever
    asked, put_back = await world.new(), await world.new()
    for job in (asked, put_back):
        with anyio.move_on_after(0.05):
            await world.steps.advance(job)
    await world.store.request_cancel(asked.job_id, owner=OWNER)
    for job in (asked, put_back):
        await world.steps.interrupted(job.job_id)
    assert (await world.store.get(asked.job_id)).stage == "cancelled"
    waiting = await world.store.get(put_back.job_id)
    assert (waiting.stage, waiting.attempts, waiting.worker) == ("queued", 0, None)


async def test_a_full_disk_fails_a_local_job_at_once(tmp_path: Path) -> None:
    world = local_world(tmp_path)
    job = await world.new()
    world.images.full_for_puts = 1
    job = await world.advance(job)
    assert job.error is not None
    assert job.error.code == "storage_full"


async def test_only_the_light_is_put_on_the_original_and_the_result_is_kept(
    tmp_path: Path,
) -> None:
    world = local_world(tmp_path)
    job = await world.until_settled(await world.new(finish="auto"))
    assert await world.images.read(job.images[0]) == b"only the light"
    assert await world.images.read(job.returned[0]) == b"result"


@pytest.mark.parametrize("answer", [None, EngineCrashed("Ended."), TimedOut("Slow.")])
async def test_a_finish_that_fails_leaves_the_providers_picture_and_a_warning(
    tmp_path: Path, answer: Exception | None
) -> None:
    world = local_world(tmp_path)
    world.pixels.transfer_answer = answer
    job = await world.until_settled(await world.new(finish="light-only"))
    assert job.stage == "succeeded"
    assert job.images == job.returned
    assert any("as the provider returned it" in warning for warning in job.warnings)


async def test_a_report_that_fails_is_a_warning(tmp_path: Path) -> None:
    world = local_world(tmp_path)
    world.pixels.report_answer = EngineCrashed("Ended.")
    job = await world.until_settled(await world.new())
    assert (job.stage, job.report) == ("succeeded", None)
    assert job.warnings == ("The result could not be measured.",)


async def test_a_photo_is_measured_once_for_ten_jobs(tmp_path: Path) -> None:
    world = local_world(tmp_path, *(Rendered(outputs=(Output(data=b"one"),)) for _ in range(10)))
    for _ in range(10):
        await world.until_settled(await world.new())
    assert world.pixels.analyzed == 1


async def test_an_original_that_is_gone_is_a_warning(tmp_path: Path) -> None:
    world = local_world(tmp_path)
    job = await world.advance(await world.new(finish="light-only"))
    await world.images.delete(job.request.image_id)
    with pytest.raises(ImageNotFound):
        await world.images.read(job.request.image_id)
    job = await world.until_settled(job)
    assert job.stage == "succeeded"
    assert any("no longer stored" in warning for warning in job.warnings)


async def test_an_output_folder_that_cannot_be_written_moves_the_copy_elsewhere(
    tmp_path: Path,
) -> None:
    world = local_world(tmp_path)
    world.images.unwritable = {tmp_path / "out"}
    job = await world.until_settled(await world.new())
    assert job.paths == (str(tmp_path / "spare" / "mug-golden-hour.png"),)
    assert any("MCP_RELIGHT_OUTPUT_DIR" in warning for warning in job.warnings)


async def test_without_any_folder_the_picture_stays_in_the_store(tmp_path: Path) -> None:
    world = local_world(tmp_path)
    world.images.unwritable = {tmp_path / "out", tmp_path / "spare"}
    job = await world.until_settled(await world.new())
    assert (job.stage, job.paths) == ("succeeded", (None,))
    assert await world.images.read(job.images[0]) == b"result"
    assert len(job.warnings) == 1
    (shown,) = (await show_job(job, world.images)).images
    assert (shown.image_id, shown.path) == (job.images[0], None)


async def test_several_pictures_are_numbered(tmp_path: Path) -> None:
    two = Rendered(outputs=(Output(data=b"one"), Output(data=b"two")))
    world = local_world(tmp_path, two)
    job = await world.until_settled(await world.new())
    assert [Path(path or "").name for path in job.paths] == [
        "mug-golden-hour.png",
        "mug-golden-hour-2.png",
    ]


async def test_a_bug_in_finishing_still_delivers_the_providers_picture(tmp_path: Path) -> None:
    world = local_world(tmp_path)
    job = await world.advance(await world.new())
    await world.steps.broke(job.job_id)
    job = await world.store.get(job.job_id)
    assert (job.stage, job.images) == ("succeeded", job.returned)
    assert job.warnings
