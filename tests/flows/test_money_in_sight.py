"""What was spent, what is left and what can be had for it is told where somebody decides."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_relight.simulator.control import SimulatorHandle
from tests.flows.rig import ended, facts_of, refusal_of, served, settings_of, start
from tests.world import World

pytestmark = pytest.mark.anyio

DEAR, CHEAP = "segmind/segmind-relighting-v2", "segmind/ic-light"


@pytest.fixture
def photo(world: World) -> Path:
    return world.photo("mug.jpg", width=96, height=64)


async def plan(client: Client, photo: Path, **asked: Any) -> dict[str, Any]:
    return facts_of(await client.call_tool("plan_relight", {"image": str(photo), **asked}))


async def test_a_refusal_names_models_that_would_fit(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    asked = {"image": str(photo), "light_from": "left", "model": DEAR}
    async with served(settings_of(world, simulator)) as client:
        call = await client.call_tool("relight_image", asked | {"max_cost_usd": 0.06})
        hint = refusal_of(call)["hint"]
        assert f"{CHEAP} ($0.037)" in hint
        assert "local/classic (free)" in hint
        assert DEAR not in hint
        two = {"look": "loop,split", "light_from": None, "max_cost_usd": 0.06}
        hint = refusal_of(await client.call_tool("relight_image", asked | two))["hint"]
        assert CHEAP not in hint, "two pictures of it cost more"
        assert "fewer pictures" in hint


async def test_a_plan_under_a_cap_shows_what_can_be_had_under_it(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    async with served(settings_of(world, simulator)) as client:
        planned = await plan(client, photo, light_from="left", max_cost_usd=0.06)
        fit = [one for one in planned["candidates"] if one.get("ready")]
        assert {"local/classic", CHEAP} <= {one["model"] for one in fit}
        assert all(one["cost"]["usd"] <= 0.06 for one in fit)
        assert "Within $0.06: local/classic (free), " in planned["next_step"]
        assert f"{CHEAP} ($0.037)" in planned["next_step"]
        dear = [one for one in planned["candidates"] if one["model"] == DEAR]
        assert all(one["problem"]["code"] == "budget_exceeded" for one in dear)


async def test_what_is_left_of_the_day_is_told_and_counts(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    async with served(settings_of(world, simulator, daily_budget_usd=0.06)) as client:
        asked = {"image": str(photo), "model": CHEAP, "light_from": "left"}
        planned = await plan(client, photo, light_from="left")
        assert (planned["spent_today_usd"], planned["budget_left_usd"]) == (0, 0.06)
        job = await ended(client, (await start(client, **asked))["job_id"])
        paid = job["cost"]["usd"]
        planned = await plan(client, photo, model=CHEAP, light_from="right")
        assert planned["spent_today_usd"] == pytest.approx(paid)
        (candidate,) = planned["candidates"]
        assert "ready" not in candidate
        assert candidate["problem"]["code"] == "budget_exceeded"
        job = await start(client, **{**asked, "light_from": "right"})
        job = await ended(client, job["job_id"])
        assert job["error"]["code"] == "budget_exceeded"
        assert "local/classic (free)" in job["next_step"]
        assert CHEAP not in job["next_step"]


async def test_what_a_model_would_leave_out_is_said_before_it_is_paid(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    async with served(settings_of(world, simulator)) as client:
        planned = await plan(client, photo, look="neon", model="segmind/segmind-relighting")
        (candidate,) = planned["candidates"]
        assert {"azimuth_deg", "color", "lights"} <= set(candidate["fields"]["ignored"])
        (warning,) = candidate["warnings"]
        assert "the direction, the colour and all lights but one" in warning
        planned = await plan(client, photo, look="loop", model="local/classic")
        assert "warnings" not in planned["candidates"][0]
