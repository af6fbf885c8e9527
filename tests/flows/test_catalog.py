"""Models that PixelDojo offers since the built-in copy of its catalogue was made."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from mcp_relight.simulator.control import SimulatorHandle
from tests.quiet_time import quiet_s
from tests.world import World

from .rig import Facts, Paid, ended, facts_of, refusal_of, served, settings_of, start, upload

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("brisk")]

NEW = "pixeldojo/lamp-of-tomorrow"


@pytest.fixture
def photo(world: World) -> Path:
    return world.photo("mug.png", width=96, height=64)


async def models(client: Client, **arguments: Any) -> Facts:
    return facts_of(await client.call_tool("list_models", arguments))


def listing(found: Facts) -> Facts:
    return found["providers"][0]["listing"]


async def live_models(client: Client) -> Facts:
    """The list once a worker has fetched it."""
    with anyio.fail_after(30):
        while True:
            found = await models(client, provider="pixeldojo")
            if listing(found)["live"]:
                return found
            await anyio.sleep(0.05)


async def test_a_model_new_in_the_live_list_relights_a_photo(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    simulator.settings(new_models=["lamp-of-tomorrow"])
    async with served(settings_of(world, simulator)) as client:
        first = await models(client, provider="pixeldojo")
        assert listing(first)["as_of"] == "2026-11-20"
        found = await live_models(client)
        full = (await models(client, model=NEW))["models"][0]
        assert full["price"]["source"] == "pixeldojo.ai/api/v1/models"
        assert full["price"]["as_of"] == listing(found)["as_of"]
        assert "aspect_ratio" in full["parameters"]["properties"]
        wish = {"image": upload(simulator, photo), "model": NEW, "light_from": "left"}
        # Nobody documents the most it may cost, so the caller has to say.
        error = refusal_of(await client.call_tool("relight_image", wish))
        assert error["code"] == "price_unknown"
        # That is no way past a limit: its price in the list is known to be more than a cent.
        for too_little in (0, 0.01):
            tight = wish | {"max_cost_usd": too_little}
            error = refusal_of(await client.call_tool("relight_image", tight))
            assert error["code"] == "budget_exceeded"
            assert "max_cost_usd" in error["message"]
        wrong = wish | {"max_cost_usd": 0.5, "params": '{"aspect_ratio": "5:4"}'}
        error = refusal_of(await client.call_tool("relight_image", wrong))
        assert error["code"] == "invalid_argument"
        assert "aspect_ratio" in error["message"]
        assert Paid.by(simulator).submits == []
        job = await ended(client, (await start(client, **wish, max_cost_usd=0.5))["job_id"])
    assert job["status"] == "succeeded"
    assert Path(job["images"][0]["path"]).exists()
    assert len(Paid.by(simulator).charges) == 1


async def test_the_list_outlives_the_process_that_fetched_it(
    world: World, simulator: SimulatorHandle
) -> None:
    simulator.settings(new_models=["lamp-of-tomorrow"])
    async with served(settings_of(world, simulator)) as client:
        await live_models(client)
    async with served(settings_of(world, simulator, worker="none")) as client:
        assert (await models(client, model=NEW))["models"][0]["relights"]


@pytest.mark.parametrize("kind", ["status_500", "hang_before_reply", "html_instead", "not_http"])
async def test_a_list_that_cannot_be_had_keeps_nobody_waiting(
    world: World, simulator: SimulatorHandle, kind: str
) -> None:
    simulator.fault("pixeldojo", "catalogue", kind, times=100)
    async with served(settings_of(world, simulator)) as client:
        for _ in range(3):
            started = quiet_s()
            found = await models(client, provider="pixeldojo")
            assert quiet_s() - started < 5
            assert not listing(found)["live"]
            assert "built-in" in listing(found)["source"]
            assert listing(found)["as_of"] == "2026-11-20"


async def test_nothing_is_fetched_where_nothing_may_leave(
    world: World, simulator: SimulatorHandle
) -> None:
    async with served(settings_of(world, simulator, local_only=True)) as client:
        assert not listing(await models(client, provider="pixeldojo"))["live"]
        await start(
            client, image=str(world.photo("ball.png", width=96, height=64)), look="loop", wait_s=20
        )
        assert not listing(await models(client, provider="pixeldojo"))["live"]
    assert simulator.ledger()["requests"] == {}


async def test_a_callers_limit_never_opens_what_the_owner_closed(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    """Also where no price is known that could be held against it."""
    simulator.settings(new_models=["lamp-of-tomorrow"])
    wish = {"image": upload(simulator, photo), "model": NEW, "light_from": "left"}
    async with served(settings_of(world, simulator, max_cost_usd=0)) as client:
        await live_models(client)
        error = refusal_of(await client.call_tool("relight_image", {**wish, "max_cost_usd": 0.5}))
    assert error["code"] == "budget_exceeded"
    assert "MCP_RELIGHT_MAX_COST_USD" in error["message"]
    assert Paid.by(simulator).submits == []
