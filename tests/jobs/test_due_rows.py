"""Which rows a worker is given, when, and in what order."""

from pathlib import Path
from typing import Any

import pytest

from mcp_relight.domain.job import Stage
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import KEY, OWNER, FakeClock, new_job
from tests.jobs.rows import in_stage

pytestmark = pytest.mark.anyio


async def test_due_rows_are_ones_own_and_those_nobody_living_holds(
    location: Path | str, clock: FakeClock
) -> None:
    store = Store(location, is_living=lambda worker: worker == "b.1", now=clock.now)
    holders = {"a.1": "mine", "b.1": "living", "c.1": "dead", None: "nobody"}
    names: dict[str, str] = {}
    for worker, name in holders.items():
        [job] = await store.insert([new_job()])
        names[job.job_id] = name
        if worker is not None:
            await store.claim(job, worker)
    due = await store.due(worker="a.1", credentials=[KEY], local=10, remote=10)
    assert {names[job.job_id] for job in due} == {"mine", "dead", "nobody"}
    await store.aclose()


async def test_a_worker_is_given_local_rows_and_rows_of_its_keys_alone(store: Store) -> None:
    [local] = await store.insert([new_job(credential_id=None)])
    await store.insert([new_job(credential_id=KEY)])
    due = await store.due(worker="a.1", credentials=[], local=10, remote=10)
    assert [job.job_id for job in due] == [local.job_id]


async def test_a_row_is_due_when_its_time_comes_or_somebody_wants_it_cancelled(
    store: Store, clock: FakeClock
) -> None:
    job = await in_stage(store, "running")
    moved = await store.move(job, "running", due_at=clock.time + 60)
    assert moved is not None
    assert await store.due(worker="a.1", credentials=[KEY], local=10, remote=10) == ()
    assert await store.next_due_at(worker="a.1", credentials=[KEY]) == clock.time + 60
    await store.request_cancel(job.job_id, owner=OWNER)
    assert len(await store.due(worker="a.1", credentials=[KEY], local=10, remote=10)) == 1


async def test_a_local_row_under_way_is_not_looked_for_again(
    store: Store, clock: FakeClock
) -> None:
    """It has been due all along: whoever went by that would look again and again."""
    [local] = await store.insert([new_job(credential_id=None)])

    async def due_at(*under_way: str) -> float | None:
        return await store.next_due_at(worker="a.1", credentials=[KEY], under_way=under_way)

    assert await due_at() == clock.time
    assert await due_at(local.job_id) is None
    [remote] = await store.insert([new_job(credential_id=KEY)])
    # That one may have to wait for its provider.
    assert await due_at(local.job_id, remote.job_id) == clock.time


async def test_a_wish_to_cancel_that_comes_during_a_step_is_looked_at_after_it(
    store: Store, clock: FakeClock
) -> None:
    job = await in_stage(store, "running")
    await store.request_cancel(job.job_id, owner=OWNER)
    after = await store.move(job, "running", due_at=clock.time + 15)
    assert after is not None
    assert after.due_at == clock.time
    waiting = await store.move(after, "running", due_at=clock.time + 5)  # this step knew of it
    assert waiting is not None
    assert waiting.due_at == clock.time + 5


async def test_a_hundred_due_remote_rows_do_not_hide_a_local_one(
    store: Store, clock: FakeClock
) -> None:
    await store.insert([new_job() for _ in range(100)])
    clock.time += 1
    [local] = await store.insert([new_job(provider="local", credential_id=None)])
    due = await store.due(worker="a.1", credentials=[KEY], local=1, remote=64)
    assert len(due) == 65
    assert local.job_id in {job.job_id for job in due}


async def test_a_row_that_somebody_wants_cancelled_is_the_first_of_its_kind(
    store: Store, clock: FakeClock
) -> None:
    await store.insert([new_job()])
    clock.time += 1
    running = await in_stage(store, "running")
    await store.request_cancel(running.job_id, owner=OWNER)
    [first] = await store.due(worker="a.1", credentials=[KEY], local=1, remote=1)
    assert first.job_id == running.job_id


@pytest.mark.parametrize(
    ("stage", "kind", "is_given"),
    [
        ("running", "local", True),
        ("finishing", "local", False),  # interrupted, it would only have to finish again
        ("running", "cloud", False),
    ],
)
async def test_of_rows_under_way_only_a_running_local_one_that_is_not_wanted_is_given(
    store: Store, stage: Stage, kind: str, is_given: bool
) -> None:
    wanted: dict[str, Any] = {"provider": kind}
    wanted |= {"credential_id": None} if kind == "local" else {}
    job = await in_stage(store, stage, **wanted)

    async def given() -> list[str]:
        rows = await store.due(
            worker="a.1", credentials=[KEY], local=1, remote=1, under_way=[job.job_id]
        )
        return [row.job_id for row in rows]

    assert await given() == []
    await store.request_cancel(job.job_id, owner=OWNER)
    assert await given() == ([job.job_id] if is_given else [])


async def test_a_row_whose_key_nobody_has_says_so(store: Store, clock: FakeClock) -> None:
    [job] = await store.insert([new_job()])
    clock.time += 60
    await store.note_stranded(worker="a.1", credentials=["another"])
    assert "cloud" in (await store.get(job.job_id)).note
    assert "API key" in (await store.get(job.job_id)).note


async def test_rows_are_not_stuck_when_the_clock_is_put_back(
    store: Store, clock: FakeClock
) -> None:
    job = await in_stage(store, "running")
    assert await store.move(job, "running", due_at=clock.time + 15) is not None
    clock.time -= 86_400
    due = await store.due(worker="a.1", credentials=[KEY], local=10, remote=10)
    assert [one.job_id for one in due] == [job.job_id]
    assert await store.move(due[0], "running", due_at=clock.time + 15) is not None
    assert await store.due(worker="a.1", credentials=[KEY], local=10, remote=10) == ()


async def test_a_clock_put_forward_makes_rows_due_and_loses_none(
    store: Store, clock: FakeClock
) -> None:
    job = await in_stage(store, "running")
    assert await store.move(job, "running", due_at=clock.time + 15) is not None
    clock.time += 366 * 86_400
    pruned = await store.prune(image_bytes={})
    due = await store.due(worker="a.1", credentials=[KEY], local=10, remote=10)
    assert [one.job_id for one in due] == [job.job_id]
    assert pruned.jobs == 0
