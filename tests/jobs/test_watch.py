"""Watching jobs."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest

from mcp_relight.domain.job import Job
from mcp_relight.jobs.store import changes as changes_module
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import FakeClock, new_job

pytestmark = pytest.mark.anyio


async def watch_until_end(store: Store, job_ids: list[str], seen: list[Job]) -> None:
    async with store.watch(job_ids) as changes:
        async for job in changes:
            seen.append(job)  # noqa: PERF401 - each is wanted as it comes, not all at the end


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another task
            await anyio.sleep(0.01)


async def run_watched(
    store: Store, job_ids: list[str], act: Callable[[list[Job]], Awaitable[None]]
) -> list[Job]:
    seen: list[Job] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch_until_end, store, job_ids, seen)
        await act(seen)
    return seen


async def test_a_watcher_sees_the_row_now_and_after_each_change_until_it_ends(
    store: Store,
) -> None:
    [job] = await store.insert([new_job()])

    async def act(seen: list[Job]) -> None:
        await until(lambda: len(seen) == 1)
        moved = await store.move(job, "running")
        await until(lambda: len(seen) == 2)
        assert moved is not None
        await store.move(moved, "cancelled")

    with anyio.fail_after(30):
        seen = await run_watched(store, [job.job_id], act)
    assert [row.stage for row in seen] == ["queued", "running", "cancelled"]


async def test_a_watcher_sees_what_another_store_writes(
    store: Store, location: Path | str, clock: FakeClock
) -> None:
    other = Store(location, is_living=lambda _: False, now=clock.now)
    [job] = await store.insert([new_job()])

    async def act(seen: list[Job]) -> None:
        await until(lambda: len(seen) == 1)
        await other.move(job, "cancelled")

    with anyio.fail_after(30):
        seen = await run_watched(store, [job.job_id], act)
    assert seen[-1].stage == "cancelled"
    await other.aclose()


async def test_watchers_of_different_jobs_do_not_disturb_each_other(store: Store) -> None:
    first, second = await store.insert([new_job(), new_job()])

    async def act(seen: list[Job]) -> None:
        inner: list[Job] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch_until_end, store, [second.job_id], inner)
            await until(lambda: len(seen) == 1 and len(inner) == 1)
            await store.move(second, "cancelled")
        assert [row.stage for row in inner] == ["queued", "cancelled"]
        await store.move(first, "cancelled")

    with anyio.fail_after(30):
        seen = await run_watched(store, [first.job_id], act)
    assert [row.stage for row in seen] == ["queued", "cancelled"]


async def test_a_watch_ends_when_its_job_is_forgotten(store: Store) -> None:
    [job] = await store.insert([new_job()])
    await store.move(job, "cancelled")
    await store.forget(job.job_id, owner="local")

    async def act(seen: list[Job]) -> None:
        assert seen == []

    with anyio.fail_after(30):
        assert await run_watched(store, [job.job_id], act) == []


async def test_waiting_for_a_change_ends_after_the_given_time(store: Store) -> None:
    version = await store.changed(-1, within_s=0)
    version = await store.changed(version, within_s=2)  # beginning to listen may count as one
    with anyio.fail_after(30):
        assert await store.changed(version, within_s=0.2) == version


async def test_what_has_just_changed_is_looked_at_more_closely_than_what_takes_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A first picture is not to wait for the next look, nor a long job to cost a core."""
    pauses: list[float] = []
    now = [100.0]

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    async def look() -> int:
        return int(now[0] >= 110.0)

    monkeypatch.setattr(changes_module.anyio, "sleep", sleep)
    monkeypatch.setattr(changes_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    polled = changes_module.PolledChanges(look)
    assert await polled.newer(await polled.now()) == 1
    assert pauses[:2] == pytest.approx([0.02, 0.02])
    assert pauses[-1] == pytest.approx(0.05)
    assert len(pauses) < 300
    assert pauses == sorted(pauses)
