"""Forgetting and pruning: only what has ended goes, and only images that nobody else uses."""

import os
from pathlib import Path

import pytest

from mcp_relight.bootstrap import Parts
from mcp_relight.bootstrap.tidying import prune
from mcp_relight.config import Settings
from mcp_relight.domain.image import Encoded
from mcp_relight.domain.job import LEGAL, TERMINAL, Job, Stage
from mcp_relight.errors import InvalidArgument
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import OWNER, FakeClock, new_job
from tests.jobs.rows import put_in_stage

pytestmark = pytest.mark.anyio

DAY_S = 86_400.0
SHARED, A, B, RESULT_A, RESULT_B = (digit * 32 for digit in "abcde")


async def job_in(store: Store, stage: Stage, *, image: str, result: str | None = None) -> Job:
    [job] = await store.insert([new_job(image_id=image)])
    if result is not None:
        moved = await store.move(job, "queued", images=(result,), returned=(result,))
        assert moved is not None
    await put_in_stage(store, job, stage)
    return job


@pytest.mark.parametrize("stage", sorted(TERMINAL))
async def test_an_ended_job_can_be_forgotten_with_its_images(store: Store, stage: Stage) -> None:
    job = await job_in(store, stage, image=A, result=RESULT_A)
    gone = await store.forget(job.job_id, owner=OWNER)
    assert (gone.jobs, set(gone.image_ids)) == (1, {A, RESULT_A})


@pytest.mark.parametrize("stage", sorted(set(LEGAL) - TERMINAL))
async def test_a_job_that_has_not_ended_is_never_deleted(
    store: Store, clock: FakeClock, stage: Stage
) -> None:
    job = await job_in(store, stage, image=A)
    with pytest.raises(InvalidArgument, match="not ended"):
        await store.forget(job.job_id, owner=OWNER)
    assert (await store.forget(None, owner=OWNER)).jobs == 0
    clock.time += 365 * DAY_S
    gone = await store.prune(image_bytes={A: 10**12}, max_bytes=0)
    assert (gone.jobs, gone.image_ids) == (0, ())
    assert (await store.get(job.job_id)).stage == stage


async def test_pruning_names_stored_images_that_no_job_ever_used(store: Store) -> None:
    await store.insert([new_job(image_id=A)])
    gone = await store.prune(image_bytes={A: 1, B: 1})
    assert (gone.jobs, gone.image_ids) == (0, (B,))


async def test_an_image_that_another_job_uses_stays(store: Store) -> None:
    first = await job_in(store, "succeeded", image=SHARED, result=RESULT_A)
    # The second job relights the result of the first.
    await job_in(store, "running", image=RESULT_A)
    gone = await store.forget(first.job_id, owner=OWNER)
    assert gone.image_ids == (SHARED,)


async def test_masks_and_further_images_belong_to_their_job(store: Store) -> None:
    [job] = await store.insert(
        [new_job(image_id=A, mask_id=B, extra_image_ids={"depth_map": SHARED})]
    )
    await store.request_cancel(job.job_id, owner=OWNER)
    assert set((await store.forget(job.job_id, owner=OWNER)).image_ids) == {A, B, SHARED}


async def test_forgetting_all_takes_every_ended_job_of_this_owner(store: Store) -> None:
    for index in range(3):
        await job_in(store, "succeeded", image=str(index) * 32)
    [other] = await store.insert([new_job(owner="other")])
    await store.request_cancel(other.job_id, owner="other")
    assert (await store.forget(None, owner=OWNER)).jobs == 3
    assert (await store.get(other.job_id)).stage == "cancelled"


async def test_pruning_takes_what_is_older_than_thirty_days(store: Store, clock: FakeClock) -> None:
    old = await job_in(store, "succeeded", image=A)
    clock.time += 29 * DAY_S
    young = await job_in(store, "succeeded", image=B)
    assert (await store.prune(image_bytes={})).jobs == 0
    clock.time += 1.1 * DAY_S
    gone = await store.prune(image_bytes={})
    assert (gone.jobs, gone.image_ids) == (1, (A,))
    assert (await store.get(young.job_id)).job_id == young.job_id
    assert old.job_id != young.job_id


async def test_pruning_takes_the_oldest_until_the_images_fit(
    store: Store, clock: FakeClock
) -> None:
    await job_in(store, "succeeded", image=SHARED, result=RESULT_A)
    clock.time += 1
    await job_in(store, "succeeded", image=SHARED, result=RESULT_B)
    sizes = {SHARED: 50, RESULT_A: 30, RESULT_B: 30}
    assert (await store.prune(image_bytes=sizes, max_bytes=110)).jobs == 0
    gone = await store.prune(image_bytes=sizes, max_bytes=100)
    assert (gone.jobs, gone.image_ids) == (1, (RESULT_A,))
    del sizes[RESULT_A]
    gone = await store.prune(image_bytes=sizes, max_bytes=79)
    assert (gone.jobs, set(gone.image_ids)) == (1, {SHARED, RESULT_B})


async def test_pruning_deletes_old_pictures_that_no_job_needs_and_nothing_else(
    tmp_path: Path,
) -> None:
    parts = Parts(Settings.load(data_dir=tmp_path, worker="none"))
    needed, old, young = [
        (
            await parts.images.put(
                Encoded(data=name.encode(), mime_type="image/png", width=4, height=3)
            )
        ).image_id
        for name in ("needed", "old", "young")
    ]
    await parts.store.insert([new_job(image_id=needed)])
    for image_id in (needed, old):
        [facts] = tmp_path.rglob(f"{image_id}.json")
        os.utime(facts, (0, 0))
    (tmp_path / "images" / ".DS_Store").write_bytes(b"left by a file manager")
    await prune(parts)
    assert set(await parts.files.sizes()) == {needed, young}
    await parts.aclose()
