"""What an owner may have at most, and that another is not kept waiting by it."""

from dataclasses import replace
from typing import Any

import anyio
import pytest

from mcp_relight.domain.job import Cost, Policy
from mcp_relight.domain.owners import Limits, Owner
from mcp_relight.domain.sets import NewSet
from mcp_relight.errors import BudgetExceeded, Busy, InvalidArgument
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import FakeClock
from tests.jobs.rows import new_job
from tests.jobs.test_sets import new_set

pytestmark = pytest.mark.anyio


async def limited(store: Store, **limits: float) -> Owner:
    owner = Owner(owner="alice", limits=Limits(**limits))
    assert await store.owners.add(owner)
    return owner


async def test_open_jobs_beyond_the_limit_are_refused_with_a_time(store: Store) -> None:
    await limited(store, max_open_jobs=2)
    new = [replace(new_job(), owner="alice", dedup_key=key) for key in "abc"]
    await store.insert(new[:2])
    with pytest.raises(Busy, match="2 open jobs") as refused:
        await store.insert(new[2:])
    assert refused.value.retry_after_s
    await store.insert(new[:2])  # they are there: nothing new is asked for
    await store.insert([replace(new[2], owner="bob")])
    page = await store.list(owner="alice", status=None, limit=9, cursor=None)
    assert len(page.jobs) == 2


async def test_a_running_job_too_many_waits_its_turn_and_anothers_does_not(
    store: Store, clock: FakeClock
) -> None:
    await limited(store, max_running_jobs=1)
    first, second = await store.insert(
        [replace(new_job(), owner="alice", dedup_key=key) for key in "ab"]
    )
    (other,) = await store.insert([replace(new_job(), owner="bob", dedup_key="c")])
    running = await store.claim(first, "w1")
    assert running is not None
    assert await store.claim(second, "w2") is None
    waiting = await store.get(second.job_id)
    assert waiting.due_at > clock.now()
    assert waiting.worker is None
    assert await store.claim(other, "w2") is not None
    assert await store.claim(running, "w3") is not None  # what has begun goes on
    await store.move(await store.get(first.job_id), "cancelled")
    assert await store.claim(waiting, "w2") is not None


async def test_a_call_dearer_than_the_owners_cap_is_refused(store: Store) -> None:
    await limited(store, max_cost_usd=0.0)
    new = replace(new_job(), owner="alice")
    priced = new.request.estimate.model_copy(update={"usd": 0.5})
    dear = replace(new, request=new.request.model_copy(update={"estimate": priced}))
    with pytest.raises(BudgetExceeded, match="one"):
        await store.insert([dear])
    await store.insert([replace(dear, owner="bob")])


async def test_the_owners_day_counts_where_it_is_less_than_that_of_the_settings(
    store: Store,
) -> None:
    await limited(store, daily_budget_usd=0.25)
    new = replace(new_job(), owner="alice")
    priced = new.request.estimate.model_copy(update={"usd": 0.5})
    (job,) = await store.insert(
        [replace(new, request=new.request.model_copy(update={"estimate": priced}))]
    )
    claimed = await store.claim(job, "w1")
    assert claimed is not None
    with pytest.raises(BudgetExceeded, match=r"0\.25"):
        await store.reserve(claimed, day_budget_usd=10.0)


async def test_a_disabled_owner_starts_nothing_new(store: Store) -> None:
    owner = await limited(store)
    assert await store.owners.change(replace(owner, is_disabled=True))
    with pytest.raises(InvalidArgument, match="disabled"):
        await store.insert([replace(new_job(), owner="alice")])


async def test_owners_are_listed_with_what_they_have(store: Store) -> None:
    owner = await limited(store, max_open_jobs=5)
    assert not await store.owners.add(owner)
    await store.insert([replace(new_job(), owner="alice")])
    await store.owners.keep("alice", "a" * 32, 7, bounded=True)
    (use,) = await store.owners.list()
    assert (use.owner.owner, use.open_jobs, use.bytes) == ("alice", 1, 7)
    assert not await store.owners.change(replace(owner, owner="nobody"))


def priced_set(key: str, usd: float, *, owner: str = "alice", budget_usd: float = 10.0) -> NewSet:
    """Of two pictures, which may cost so much together."""
    new = new_set("a", "b", key=key, owner=owner, credential_id="key")
    policy = Policy(daily_budget_usd=budget_usd)
    return replace(
        new, request=new.request.model_copy(update={"estimate": Cost(usd=usd), "policy": policy})
    )


async def test_a_set_is_refused_as_a_whole_where_the_day_does_not_pay_for_it(store: Store) -> None:
    await limited(store, daily_budget_usd=1.0)
    await store.insert_set(priced_set("first", 0.7))
    with pytest.raises(BudgetExceeded, match=r"\$0\.40 in all; \$0\.30 of today's budget is left"):
        await store.insert_set(priced_set("second", 0.4))
    assert not await store.is_set_there(priced_set("second", 0.4))
    await store.insert_set(priced_set("first", 0.7))  # it is there: nothing new is asked for
    await store.insert_set(priced_set("third", 0.3))
    await store.insert_set(priced_set("second", 0.4, owner="bob"))
    with pytest.raises(BudgetExceeded):
        await store.insert_set(priced_set("fourth", 0.4, owner="bob", budget_usd=0.7))


async def test_what_became_of_a_sets_pictures_counts_once(store: Store) -> None:
    await limited(store, daily_budget_usd=1.0)
    made = await store.insert_set(priced_set("first", 0.8))
    waiting = await store.next_waiting(worker="w", credentials=("key",))
    assert waiting is not None
    new = replace(new_job(usd=0.4), owner="alice", credential_id="key")
    job = await store.enter_member(waiting, new)
    for _ in range(2):  # queued, then reserved
        with pytest.raises(BudgetExceeded, match=r"\$0\.20 of today"):
            await store.insert_set(priced_set("second", 0.3))
        if job is not None and job.stage == "queued":
            job = await store.reserve(job, day_budget_usd=10.0)
    await store.cancel_set(made.set_id, owner="alice")
    await store.insert_set(priced_set("second", 0.3))


async def test_of_sets_that_come_at_once_no_more_are_taken_than_the_day_pays_for(
    store: Store,
) -> None:
    """Also of an owner of whom nothing is written down."""
    taken: list[str] = []

    async def enter(number: int) -> None:
        try:
            new = priced_set(f"set {number}", 0.4, owner="bob", budget_usd=1.0)
            taken.append((await store.insert_set(new)).set_id)
        except BudgetExceeded:
            return

    async with anyio.create_task_group() as tasks:
        for number in range(12):
            tasks.start_soon(enter, number)
    assert len(taken) == 2


async def test_a_set_dearer_than_a_call_may_be_or_of_a_disabled_owner_is_refused(
    store: Store,
) -> None:
    owner = await limited(store, max_cost_usd=0.5)
    with pytest.raises(BudgetExceeded, match="with one"):
        await store.insert_set(priced_set("first", 0.7))
    assert await store.owners.change(replace(owner, is_disabled=True))
    with pytest.raises(InvalidArgument, match="disabled"):
        await store.insert_set(priced_set("second", 0.1))


async def test_what_is_left_of_the_day_is_what_the_owner_has(store: Store) -> None:
    await limited(store, daily_budget_usd=0.25)
    assert await store.today(owner="alice", budget_usd=10.0) == (0.0, 0.25)
    assert await store.today(owner="alice", budget_usd=0.1) == (0.0, 0.1)
    assert await store.today(owner="bob", budget_usd=10.0) == (0.0, 10.0)


async def test_a_page_of_jobs_brings_the_day_with_it(store: Store) -> None:
    await limited(store, daily_budget_usd=0.25)
    newest: dict[str, Any] = {"status": None, "limit": 1, "cursor": None, "budget_usd": 10.0}
    page, day = await store.list_and_today(owner="alice", **newest)
    assert (page.jobs, day) == ((), (0.0, 0.25))
    jobs = await store.insert([new_job(owner="alice", usd=0.1) for _ in range(2)])
    assert await store.reserve(jobs[0], day_budget_usd=10.0) is not None
    page, day = await store.list_and_today(owner="alice", **newest)
    assert page == await store.list(owner="alice", status=None, limit=1, cursor=None)
    assert day == await store.today(owner="alice", budget_usd=10.0) == (0.1, 0.25)
