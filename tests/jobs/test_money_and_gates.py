"""Budgets and rate gates."""

from pathlib import Path

import pytest

from mcp_relight.domain.job import Cost, Job
from mcp_relight.domain.owner_keys import KeyLimits
from mcp_relight.errors import BudgetExceeded
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import OWNER, FakeClock, new_job

pytestmark = pytest.mark.anyio

DAY_S = 86_400.0


async def reserved(store: Store, *, usd: float = 0.04, owner: str = OWNER) -> Job:
    [job] = await store.insert([new_job(usd=usd, owner=owner)])
    submitting = await store.reserve(job, day_budget_usd=0.10)
    assert submitting is not None
    return submitting


async def is_left(store: Store, usd: float) -> bool:
    [job] = await store.insert([new_job(usd=usd)])
    try:
        await store.reserve(job, day_budget_usd=0.10)
    except BudgetExceeded:
        return False
    return True


async def test_a_day_has_room_for_its_budget_and_no_more(store: Store) -> None:
    await reserved(store)
    await reserved(store)
    assert not await is_left(store, 0.04)
    assert await is_left(store, 0.02)
    assert not await is_left(store, 0.01)


async def test_a_key_of_an_owner_has_a_day_of_its_own(store: Store) -> None:
    for owner in ("acme", "bob"):
        await store.owner_keys.put(owner, "cloud", "sealed")
    limits = KeyLimits(daily_budget_usd=0.10, per_minute=7.0)
    assert await store.owner_keys.limit("acme", "cloud", limits)
    assert not await store.owner_keys.limit("acme", "other", limits)
    await store.owner_keys.put("acme", "cloud", "sealed anew")  # the limits stay

    async def pays(usd: float, **whose: str) -> bool:
        [job] = await store.insert([new_job(usd=usd, provider="cloud", **whose)])
        try:
            return await store.reserve(job, day_budget_usd=100.0) is not None
        except BudgetExceeded as error:
            said.append(error.message)
            return False

    said: list[str] = []
    own = {"owner": "acme", "credential_id": "own.1"}
    assert await pays(0.06, **own)
    assert not await pays(0.05, **own)
    assert await pays(0.04, **own)
    assert not await pays(0.01, **own)
    assert await pays(0.0, **own)
    assert await pays(0.06, owner="acme", credential_id="shared"), "not by that key"
    assert await pays(0.06, owner="acme", credential_id="own.2"), "another key, another account"
    assert await pays(5.0, owner="bob", credential_id="own.3"), "one without limits"
    assert len(said) == 2
    asked = {"cloud": "own.1", "other": "own.9"}
    left = await store.own_keys_left(owner="acme", credentials=asked)
    assert left == {"cloud": pytest.approx(0.0)}
    asked = {"cloud": "own.2"}
    left = await store.own_keys_left(owner="acme", credentials=asked)
    assert left == {"cloud": pytest.approx(0.04)}
    assert await store.own_keys_left(owner="bob", credentials={"cloud": "own.3"}) == {}
    assert all("your own key for cloud" in words for words in said)


async def test_a_refused_reservation_leaves_the_job_queued(store: Store) -> None:
    [job] = await store.insert([new_job(usd=0.2)])
    with pytest.raises(BudgetExceeded):
        await store.reserve(job, day_budget_usd=0.10)
    assert (await store.get(job.job_id)).stage == "queued"
    assert await is_left(store, 0.10)


async def test_what_is_free_passes_an_empty_budget(store: Store) -> None:
    [job] = await store.insert([new_job(usd=0.0)])
    assert await store.reserve(job, day_budget_usd=0.0) is not None


async def test_an_unknown_price_counts_as_the_limit_per_job(store: Store) -> None:
    wanted = new_job()
    request = wanted.request.model_copy(update={"estimate": Cost(usd=None)})
    [job] = await store.insert([new_job()])
    unknown = await store.move(job, "queued", request=request)
    assert unknown is not None
    with pytest.raises(BudgetExceeded):
        await store.reserve(unknown, day_budget_usd=0.99)
    assert await store.reserve(unknown, day_budget_usd=1.0) is not None


async def test_a_new_utc_day_has_a_new_budget(store: Store, clock: FakeClock) -> None:
    await reserved(store, usd=0.10)
    clock.time = (clock.time // DAY_S + 1) * DAY_S - 1
    assert not await is_left(store, 0.01)
    clock.time += 1
    assert await is_left(store, 0.10)


async def test_every_owner_has_a_budget(store: Store) -> None:
    await reserved(store, usd=0.10, owner="other")
    assert await is_left(store, 0.10)


async def test_what_was_certainly_not_sent_gives_its_money_back_once(store: Store) -> None:
    job = await reserved(store, usd=0.10)
    queued = await store.move(job, "queued")
    assert queued is not None
    assert await store.move(queued, "failed", cost=Cost(billed="no")) is not None
    assert await is_left(store, 0.10)
    assert not await is_left(store, 0.01)


@pytest.mark.parametrize(
    ("cost", "left"),
    [
        (Cost(billed="no"), 0.10),
        (Cost(usd=0.03, billed="yes"), 0.07),
        (Cost(usd=0.10, billed="unknown"), 0.0),
        (Cost(usd=None, billed="yes"), 0.0),
    ],
)
async def test_the_true_cost_replaces_the_reservation_when_it_is_known(
    store: Store, cost: Cost, left: float
) -> None:
    job = await reserved(store, usd=0.10)
    await store.move(job, "failed", cost=cost)
    assert await is_left(store, left)
    assert not await is_left(store, 0.01)


async def test_an_unknown_submit_keeps_its_money_also_when_it_is_given_up(store: Store) -> None:
    job = await reserved(store, usd=0.10)
    await store.move(job, "submit_unknown")
    await store.request_cancel(job.job_id, owner=OWNER)
    assert not await is_left(store, 0.01)


async def test_forgetting_a_job_does_not_give_its_money_back(store: Store) -> None:
    job = await reserved(store, usd=0.10)
    await store.move(job, "failed", cost=Cost(usd=0.10, billed="yes"))
    await store.forget(job.job_id, owner=OWNER)
    assert not await is_left(store, 0.01)


async def test_two_stores_share_a_budget(
    store: Store, location: Path | str, clock: FakeClock
) -> None:
    other = Store(location, is_living=lambda _: False, now=clock.now)
    await reserved(store, usd=0.06)
    assert not await is_left(other, 0.06)
    await other.aclose()


async def test_a_gate_lets_a_burst_through_and_then_keeps_its_rate(
    store: Store, clock: FakeClock
) -> None:
    waits = [await store.take_slot("g", per_minute=60, burst=3) for _ in range(5)]
    assert waits == pytest.approx([0, 0, 0, 1, 2])
    clock.time += 3600
    again = [await store.take_slot("g", per_minute=60, burst=3) for _ in range(4)]
    assert again == pytest.approx([0, 0, 0, 1])


async def test_fifty_a_minute_with_a_burst_of_ten_stays_below_sixty_in_any_minute(
    store: Store, clock: FakeClock
) -> None:
    passed: list[float] = []
    for _ in range(130):
        clock.time += await store.take_slot("g", per_minute=50, burst=10)
        passed.append(clock.time)
    most = max(sum(start <= at < start + 60 for at in passed) for start in passed)
    assert 50 <= most <= 59


async def test_a_held_gate_lets_nobody_through_and_forgets_its_burst(
    store: Store, clock: FakeClock
) -> None:
    await store.hold("g", 30)
    waits = [await store.take_slot("g", per_minute=60, burst=3) for _ in range(3)]
    assert waits == pytest.approx([30, 31, 32])
    await store.hold("g", 5)
    assert await store.take_slot("g", per_minute=60, burst=3) == pytest.approx(33)


@pytest.mark.parametrize(("jump_s", "expected"), [(-86_400, [3, 4, 5, 6]), (86_400, [0, 0, 0, 1])])
async def test_a_gate_is_not_shut_by_a_clock_that_jumps(
    store: Store, clock: FakeClock, jump_s: float, expected: list[float]
) -> None:
    """A clock that was put back takes nothing off what was used."""
    for _ in range(5):
        await store.take_slot("g", per_minute=60, burst=3)
    clock.time += jump_s
    waits = [await store.take_slot("g", per_minute=60, burst=3) for _ in range(4)]
    assert waits == pytest.approx(expected)


async def test_gates_do_not_know_each_other(store: Store) -> None:
    await store.hold("g", 30)
    assert await store.take_slot("other", per_minute=60, burst=1) == 0
