"""A job that changes an earlier one, through the official client."""

import json
from pathlib import Path
from typing import Any

import pytest

from mcp_relight.simulator.control import SimulatorHandle
from tests.world import World

from .rig import Facts, Paid, ended, facts_of, refusal_of, served, settings_of, start

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("brisk")]


@pytest.fixture
def photo(world: World) -> Path:
    return world.photo("mug.png", width=160, height=120)


def result_of(job: Facts) -> Path:
    assert job["status"] == "succeeded", job.get("error")
    return Path(job["images"][0]["path"])


async def test_softer_then_warmer_is_two_short_calls_on_the_original(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    async with served(settings_of(world, simulator)) as client:
        first = await start(client, image=str(photo), look="golden_hour", wait_s=45)
        calls: list[Facts] = [
            {"based_on": first["job_id"], "softness": "+30%", "wait_s": 45},
            {"kelvin": "-500", "wait_s": 45},
        ]
        softer = facts_of(await client.call_tool("relight_image", calls[0]))
        calls[1]["based_on"] = softer["job_id"]
        warmer = facts_of(await client.call_tool("relight_image", calls[1]))
        key = warmer["lighting"]["lights"][0]
        numbers = {name: key[name] for name in ("softness", "kelvin")}
        whole = await start(client, image=str(photo), look="golden_hour", **numbers)
    assert all(len(json.dumps(call)) <= 120 for call in calls)
    assert (softer["based_on"], warmer["based_on"]) == (first["job_id"], softer["job_id"])
    assert [result_of(job).name for job in (first, softer, warmer)] == [
        "mug-golden_hour.png",
        "mug-golden_hour-softer.png",
        "mug-golden_hour-softer-warmer.png",
    ]
    assert whole["job_id"] == warmer["job_id"]  # of the photo, not of the result before


async def test_the_result_of_a_job_can_be_the_next_photo_and_keeps_its_name(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    async with served(settings_of(world, simulator)) as client:
        first = await start(client, image=str(photo), look="golden_hour", wait_s=45)
        result = first["images"][0]
        by_job = await start(client, image=first["job_id"], look="neon", wait_s=45)
        by_id = await start(client, image=result["image_id"], look="neon")
        by_address = await start(client, image=result["uri"], look="loop", wait_s=45)
        refused = await client.call_tool(
            "relight_image", {"image": "job_" + "0" * 32, "look": "loop"}
        )
    assert by_id["job_id"] == by_job["job_id"]
    assert "based_on" not in by_job
    assert result_of(by_job).name == "mug-golden_hour-neon.png"
    assert result_of(by_address).name == "mug-golden_hour-loop.png"
    assert refusal_of(refused)["code"] == "job_not_found"


@pytest.mark.parametrize("given", ["job_" + "0" * 32, "something"])
async def test_a_job_that_is_not_there_is_told(
    world: World, simulator: SimulatorHandle, given: str
) -> None:
    async with served(settings_of(world, simulator)) as client:
        for tool in ("relight_image", "plan_relight"):
            refused = await client.call_tool(tool, {"based_on": given, "softness": "+10%"})
            assert refusal_of(refused)["code"] == "job_not_found"


async def test_a_paid_job_that_changes_another_is_paid_once_and_told_in_its_plan(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    wish: dict[str, Any] = {"image": str(photo), "model": "segmind/ic-light", "max_cost_usd": 1}
    async with served(settings_of(world, simulator)) as client:
        first = await ended(client, (await start(client, **wish, light_from="left"))["job_id"])
        change = {"based_on": first["job_id"], "kelvin": 2200, "max_cost_usd": 1}
        plan = facts_of(await client.call_tool("plan_relight", change))
        assert [one["model"] for one in plan["candidates"]] == ["segmind/ic-light"]
        second = await ended(client, (await start(client, **change))["job_id"])
        again = await start(client, **wish, light_from="left", kelvin=2200)
        steps = {"based_on": first["job_id"], "softness": "+10%", "max_cost_usd": 1}
        same = await start(client, **steps, strength="-10%")
    assert again["job_id"] == second["job_id"]
    assert same["job_id"] == first["job_id"]  # so little more softness has no word of its own
    assert any(words.startswith("strength makes no") for words in same["warnings"])
    assert result_of(second).name.startswith("mug-from_left-warmer")
    assert len(Paid.by(simulator).submits) == 2
