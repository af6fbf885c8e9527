"""One wish, one job, one charge; limits on money; and what cancelling does."""

from pathlib import Path

import anyio
import pytest
from mcp import Client

from mcp_relight.simulator.control import SimulatorHandle
from tests.crash.rig import needs_proc, nothing_left, rows, stdio
from tests.world import World

from .rig import (
    Facts,
    Paid,
    ended,
    facts_of,
    look,
    refusal_of,
    remote_environment,
    served,
    settings_of,
    start,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("brisk")]

MODEL = "segmind/ic-light"


@pytest.fixture
def photo(world: World) -> Path:
    return world.photo("mug.png", width=96, height=64)


async def cancel(client: Client, job_id: str) -> Facts:
    return facts_of(await client.call_tool("cancel_job", {"job_id": job_id}))


async def price_of(client: Client, photo: Path) -> float:
    arguments = {"image": str(photo), "model": MODEL, "light_from": "left"}
    plan = facts_of(await client.call_tool("plan_relight", arguments))
    return plan["candidates"][0]["cost"]["usd"]


async def test_the_same_call_three_times_at_once_is_one_job_and_one_charge(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    started: list[str] = []
    async with served(settings_of(world, simulator)) as client:

        async def call() -> None:
            job = await start(client, image=str(photo), model=MODEL, light_from="left")
            started.append(job["job_id"])

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(call)
        job = await ended(client, started[0])
    assert len(set(started)) == 1
    assert job["status"] == "succeeded"
    paid = Paid.by(simulator)
    assert len(paid.submits) == len(paid.charges) == 1


@pytest.mark.long
@needs_proc
async def test_the_same_call_at_three_servers_at_once_is_one_job_and_one_charge(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    server = stdio(world, **remote_environment(simulator))
    wish = {"image": str(photo), "model": MODEL, "light_from": "left"}
    started: list[str] = []

    async def call(client: Client) -> None:
        started.append((await start(client, **wish))["job_id"])

    with nothing_left(world):
        async with Client(server) as one, Client(server) as two, Client(server) as three:
            async with anyio.create_task_group() as tasks:
                for client in (one, two, three):
                    tasks.start_soon(call, client)
            ends = [await ended(client, started[0]) for client in (one, two, three)]
    assert len(started) == 3
    assert len(set(started)) == len(rows(world)) == 1
    assert [job["status"] for job in ends] == ["succeeded"] * 3
    paid = Paid.by(simulator)
    assert len(paid.submits) == len(paid.charges) == 1


async def test_a_job_of_unknown_outcome_answers_for_the_same_call_until_it_is_given_up(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    wish = {"image": str(photo), "model": MODEL, "light_from": "left"}
    simulator.fault("segmind", "submit", "reset_after_body")
    async with served(settings_of(world, simulator)) as client:
        first = await ended(client, (await start(client, **wish))["job_id"])
        assert first["status"] == "unknown"
        assert "will not be sent again" in first["next_step"]
        again = await start(client, **wish)
        assert again["job_id"] == first["job_id"]
        assert len(Paid.by(simulator).submits) == 1
        assert (await cancel(client, first["job_id"]))["status"] == "cancelled"
        second = await start(client, **wish)
        assert second["job_id"] != first["job_id"]
        assert (await ended(client, second["job_id"]))["status"] == "succeeded"


async def test_a_queued_job_is_cancelled_before_anything_is_sent(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    async with served(settings_of(world, simulator, worker="none")) as client:
        job = await start(client, image=str(photo), model=MODEL, light_from="left")
        assert job["status"] == "queued"
        assert (await cancel(client, job["job_id"]))["status"] == "cancelled"
    async with served(settings_of(world, simulator)) as client:
        assert (await look(client, job["job_id"], wait_s=1))["status"] == "cancelled"
    assert Paid.by(simulator).submits == []


async def test_what_the_provider_cannot_cancel_runs_on_and_its_picture_is_kept(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    simulator.fault("segmind", "result", "running_forever")
    async with served(settings_of(world, simulator)) as client:
        job = await start(client, image=str(photo), model=MODEL, light_from="left")
        while (await look(client, job["job_id"], wait_s=0.2))["stage"] != "running":
            pass
        job = await cancel(client, job["job_id"])
        assert job["status"] == "running"
        simulator.reset()  # its job is gone there: not what this test is about
        while not (job := await look(client, job["job_id"], wait_s=0.2))["warnings"]:
            pass
    assert "could not cancel" in job["warnings"][0]


async def test_a_running_local_job_is_cancelled(world: World, simulator: SimulatorHandle) -> None:
    photo = world.photo("large.jpg", width=3000, height=2000)
    async with served(settings_of(world, simulator)) as client:
        job = await start(client, image=str(photo), look="golden_hour")
        while (await look(client, job["job_id"], wait_s=0.1))["stage"] == "queued":
            pass
        await cancel(client, job["job_id"])
        job = await ended(client, job["job_id"])
    assert job["status"] == "cancelled"
    assert job["images"] == []


async def test_a_price_above_the_callers_limit_is_refused_before_anything_is_sent(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    wish = {"image": str(photo), "model": MODEL, "light_from": "left"}
    async with served(settings_of(world, simulator)) as client:
        limit = await price_of(client, photo) * 0.9
        error = refusal_of(await client.call_tool("relight_image", {**wish, "max_cost_usd": limit}))
    assert error["code"] == "budget_exceeded"
    assert "max_cost_usd" in error["message"]
    async with served(settings_of(world, simulator, max_cost_usd=limit)) as client:
        error = refusal_of(await client.call_tool("relight_image", wish))
    assert "MCP_RELIGHT_MAX_COST_USD" in error["message"]
    assert Paid.by(simulator).ledger["posts"] == []


async def test_twenty_calls_at_once_cannot_spend_more_than_the_days_budget(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    async with served(settings_of(world, simulator)) as client:
        price = await price_of(client, photo)
    budget = 5.5 * price
    jobs: list[Facts] = []
    async with served(settings_of(world, simulator, daily_budget_usd=budget)) as client:

        async def order(seed: int) -> None:
            wish = {"image": str(photo), "model": MODEL, "light_from": "left", "seed": seed}
            job = await start(client, **wish, finish="as-returned")
            jobs.append(await ended(client, job["job_id"], within_s=90))

        async with anyio.create_task_group() as tasks:
            for seed in range(20):
                tasks.start_soon(order, seed)
    refused = [job for job in jobs if job["status"] == "failed"]
    assert {job["error"]["code"] for job in refused} == {"budget_exceeded"}
    assert all("MCP_RELIGHT_DAILY_BUDGET_USD" in job["error"]["hint"] for job in refused)
    paid = Paid.by(simulator)
    assert len(refused) + len(paid.charges) == 20
    assert len(paid.charges) >= 5
    assert paid.kept_usd <= budget


async def test_a_waiting_job_is_not_sent_once_nothing_may_leave(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    """It was accepted before; it goes on when something may leave again."""
    async with served(settings_of(world, simulator, worker="none")) as client:
        job = await start(client, image=str(photo), model=MODEL, light_from="left")
    async with served(settings_of(world, simulator, local_only=True)) as client:
        local = await start(client, image=str(photo), look="golden_hour")
        await ended(client, local["job_id"])  # the worker is there, and works
        assert (await look(client, job["job_id"]))["status"] == "queued"
    assert Paid.by(simulator).ledger["posts"] == []
    async with served(settings_of(world, simulator)) as client:
        assert (await ended(client, job["job_id"]))["status"] == "succeeded"
