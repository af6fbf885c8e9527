"""Sets in the store: what answers for the same call, who takes pictures in, what is given up."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from mcp_relight.domain.job import Failure, Policy
from mcp_relight.domain.sets import NewMember, NewSet, SetRequest
from mcp_relight.errors import IdempotencyConflict, JobNotFound
from mcp_relight.jobs.store.set_rows import CLAIM_S
from mcp_relight.jobs.store.store import Store

from .fakes import OWNER, FakeClock, new_job
from .processes import Children, wait_until
from .rows import put_in_stage

pytestmark = pytest.mark.anyio
BROKEN = Failure(code="image_corrupt", message="The picture is broken.")


def new_set(*names: str, key: str = "k", **changes: Any) -> NewSet:
    request = SetRequest(
        model="local/classic",
        arguments={"look": "neon"},
        policy=Policy(),
        output_dir="out",
        request_hash=key,
    )
    members = tuple(
        NewMember(name=name, look=None, reference=f"/photos/{name}", identity=f"{name} {key}")
        for name in names
    )
    new = NewSet(owner=OWNER, dedup_key=key, credential_id=None, request=request, members=members)
    return replace(new, **changes)


async def fill(store: Store, *, worker: str = "w", credentials: tuple[str, ...] = ()) -> list[str]:
    """Make jobs of all members that wait and may; the names of their pictures."""
    filled: list[str] = []
    while waiting := await store.next_waiting(worker=worker, credentials=credentials):
        new = new_job(dedup_key=f"hash:{waiting.member.name}", credential_id=None)
        job = await store.enter_member(waiting, new)
        assert job is not None
        await put_in_stage(store, job, "succeeded")
        filled.append(waiting.member.name)
    return filled


async def test_the_members_of_a_set_become_jobs_in_order_and_their_references_go(
    store: Store,
) -> None:
    made = await store.insert_set(new_set("a", "b", "c"))
    assert (made.status, made.progress, made.is_over) == ("queued", 0.0, False)
    assert await store.has_waiting(worker="w", credentials=())
    assert await fill(store) == ["a", "b", "c"]
    found = await store.get_set(made.set_id, owner=OWNER)
    assert (found.status, found.progress, found.is_over) == ("succeeded", 1.0, True)
    assert all(member.reference is None and member.job for member in found.members)
    assert not await store.has_waiting(worker="w", credentials=())


async def test_the_same_call_is_the_same_set_for_ten_minutes(
    store: Store, clock: FakeClock
) -> None:
    first = await store.insert_set(new_set("a", "b"))
    clock.time += 599
    assert await store.is_set_there(new_set("a", "b"))
    assert (await store.insert_set(new_set("a", "b"))).set_id == first.set_id
    clock.time += 2
    assert not await store.is_set_there(new_set("a", "b"))
    assert (await store.insert_set(new_set("a", "b"))).set_id != first.set_id


async def test_a_call_that_shares_pictures_takes_their_jobs_over(
    store: Store, clock: FakeClock
) -> None:
    await store.insert_set(new_set("a", "b"))
    await fill(store)
    more = await store.insert_set(replace(new_set("a", "b", "c"), dedup_key="other"))
    assert [bool(member.job) for member in more.members] == [True, True, False]
    clock.time += 700
    late = replace(new_set("a"), dedup_key="late")
    assert not await store.is_set_there(late)
    assert await store.is_set_there(replace(late, is_resumed=True))
    resumed = await store.insert_set(replace(late, is_resumed=True))
    assert resumed.is_over


async def test_the_same_call_tries_again_what_failed_and_nothing_else(store: Store) -> None:
    first = await store.insert_set(new_set("a", "b"))
    waiting = await store.next_waiting(worker="w", credentials=())
    assert waiting is not None
    await store.fail_member(waiting, BROKEN)
    assert await fill(store) == ["b"]
    found = await store.get_set(first.set_id, owner=OWNER)
    assert [member.status for member in found.members] == ["failed", "succeeded"]
    assert found.status == "succeeded"
    again = await store.insert_set(new_set("a", "b"))
    assert again.set_id != first.set_id
    assert await fill(store) == ["a"]


async def test_another_owner_sees_nothing_of_it(store: Store) -> None:
    made = await store.insert_set(new_set("a"))
    with pytest.raises(JobNotFound):
        await store.get_set(made.set_id, owner="other")
    with pytest.raises(JobNotFound):
        await store.cancel_set(made.set_id, owner="other")


async def test_an_idempotency_key_is_one_set_and_conflicts_with_other_pictures(
    store: Store, clock: FakeClock
) -> None:
    keyed = replace(new_set("a"), dedup_key="key:x", keep_key=True)
    first = await store.insert_set(keyed)
    clock.time += 86_400
    assert (await store.insert_set(keyed)).set_id == first.set_id
    with pytest.raises(IdempotencyConflict):
        await store.insert_set(replace(new_set("b", key="z"), dedup_key="key:x", keep_key=True))


async def test_a_set_is_filled_by_who_has_its_key_and_taken_from_the_dead_alone(
    store: Store, location: Path | str, clock: FakeClock
) -> None:
    await store.insert_set(new_set("a", "b", credential_id="key"))
    assert await store.next_waiting(worker="w", credentials=()) is None
    assert await store.next_waiting(worker="w", credentials=("key",)) is not None
    assert await store.next_waiting(worker="v", credentials=("key",)) is not None
    living = Store(location, is_living=lambda _: True, now=clock.now)
    assert await living.next_waiting(worker="w", credentials=("key",)) is None
    await living.aclose()


async def test_where_nobody_can_tell_who_lives_a_claim_lapses(
    location: Path | str, clock: FakeClock
) -> None:
    store = Store(location, is_living=None, now=clock.now)
    await store.insert_set(new_set("a", "b"))
    waiting = await store.next_waiting(worker="w", credentials=())
    assert waiting is not None
    assert not await store.has_waiting(worker="v", credentials=())
    assert await store.next_waiting(worker="v", credentials=()) is None
    clock.time += CLAIM_S - 1
    assert await store.next_waiting(worker="w", credentials=()) == waiting  # renewed by looking
    clock.time += CLAIM_S - 1
    assert await store.next_waiting(worker="v", credentials=()) is None
    clock.time += 2
    assert await store.has_waiting(worker="v", credentials=())
    assert await store.next_waiting(worker="v", credentials=()) == waiting
    assert await store.next_waiting(worker="w", credentials=()) is None
    # The first was only slow: what it has of the picture counts, and the other's comes too late.
    new = new_job(dedup_key="hash:a", credential_id=None)
    assert await store.enter_member(waiting, new) is not None
    assert await store.enter_member(waiting, new) is None
    clock.time -= 86_400  # the clock is put back: the claim's time is as wrong
    assert await store.has_waiting(worker="w", credentials=())
    await store.aclose()


@pytest.mark.long
async def test_of_those_who_ask_at_once_one_fills_a_set(empty_database: str) -> None:
    stores = [Store(empty_database, is_living=None) for _ in range(6)]
    await stores[0].insert_set(new_set("a", "b"))
    found: list[str] = []

    async def ask(number: int, store: Store) -> None:
        if await store.next_waiting(worker=f"w{number}", credentials=()) is not None:
            found.append(f"w{number}")

    async with anyio.create_task_group() as tasks:
        for number, store in enumerate(stores):
            tasks.start_soon(ask, number, store)
    assert len(found) == 1
    for store in stores:
        await store.aclose()


@pytest.mark.long
async def test_another_machine_goes_on_filling_where_one_was_killed(
    empty_database: str, tmp_path: Path
) -> None:
    """Two data folders, one database. Each photo becomes one job, and none is taken in twice but
    the one the dead had in its hands."""
    pytest.importorskip("procrastinate", reason="needs the extra team")
    names = [f"photo-{number}" for number in range(10)]
    store = Store(empty_database, is_living=None)
    made = await store.insert_set(new_set(*names))
    log = tmp_path / "taken.log"

    def taken() -> list[list[str]]:
        return [line.split() for line in log.read_text().splitlines()] if log.exists() else []

    with Children(tmp_path) as children:
        fillers = {
            name: children.start("fill", name, empty_database, log) for name in ("one", "two")
        }
        await anyio.to_thread.run_sync(wait_until, lambda: len(taken()) >= 3)
        holders = {line[0] for line in taken()}
        assert len(holders) == 1
        fillers[holders.pop()].kill()
        version = -1
        with anyio.fail_after(60):
            while True:
                found = await store.get_set(made.set_id, owner=OWNER)
                if all(member.job for member in found.members):
                    break
                version = await store.changed(version, within_s=1)
                for member in found.members:  # so that there is room for the next ones
                    if member.job is not None and not member.job.is_terminal:
                        await store.request_cancel(member.job.job_id, owner=OWNER)
    assert {line[0] for line in taken()} == {"one", "two"}
    assert len({member.job.job_id for member in found.members if member.job}) == len(names)
    assert len(taken()) <= len(names) + 1
    await store.aclose()


async def test_only_some_jobs_of_a_set_are_open_at_a_time(store: Store) -> None:
    await store.insert_set(new_set(*"abcdefghij"))
    opened = 0
    while waiting := await store.next_waiting(worker="w", credentials=()):
        key = f"hash:{waiting.member.name}"
        assert await store.enter_member(waiting, new_job(dedup_key=key, credential_id=None))
        opened += 1
    assert 1 < opened < 10
    assert await store.has_waiting(worker="w", credentials=())


async def test_cancelling_a_set_ends_what_is_open_and_keeps_what_is_done(store: Store) -> None:
    made = await store.insert_set(new_set("a", "b", "c"))
    waiting = await store.next_waiting(worker="w", credentials=())
    assert waiting is not None
    job = await store.enter_member(waiting, new_job(credential_id=None))
    assert job is not None
    await put_in_stage(store, job, "succeeded")
    late = await store.next_waiting(worker="w", credentials=())
    assert late is not None
    found = await store.cancel_set(made.set_id, owner=OWNER)
    assert [member.status for member in found.members] == ["succeeded", "cancelled", "cancelled"]
    assert await store.enter_member(late, new_job(credential_id=None)) is None
    assert await store.next_waiting(worker="w", credentials=()) is None


async def test_forgetting_takes_the_members_and_then_the_set(store: Store) -> None:
    made = await store.insert_set(new_set("a", "b"))
    await fill(store)
    first = made.members[0]
    found = await store.get_set(made.set_id, owner=OWNER)
    assert found.members[0].job is not None
    await store.forget(found.members[0].job.job_id, owner=OWNER)
    rest = await store.get_set(made.set_id, owner=OWNER)
    assert [member.name for member in rest.members] == ["b"] != [first.name]
    await store.forget(None, owner=OWNER)
    with pytest.raises(JobNotFound):
        await store.get_set(made.set_id, owner=OWNER)
