"""Sets through the official client: many pictures, one call."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult, ImageContent, TextContent

from mcp_relight.simulator.control import SimulatorHandle
from tests.world import World

from .rig import Facts, Paid, facts_of, refusal_of, served, settings_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("brisk")]
PAID: Facts = {"model": "segmind/ic-light", "light_from": "left"}


def photos(world: World, count: int) -> Path:
    for number in range(1, count + 1):
        world.photo(f"mug{number}.jpg", width=96 + number, height=64)
    return world.photos


def told(result: CallToolResult) -> int:
    return sum(len(block.text) for block in result.content if isinstance(block, TextContent))


async def over(client: Client, set_id: str, *, within_s: float = 120) -> Facts:
    with anyio.fail_after(within_s):
        while True:
            wish = {"job_id": set_id, "wait_s": 10}
            found = facts_of(await client.call_tool("get_job", wish))
            if found["done"] == found["pictures"]:
                return found


async def begin(client: Client, **arguments: Any) -> Facts:
    return facts_of(await client.call_tool("relight_image", {"wait_s": 0, **arguments}))


@pytest.mark.long
async def test_twelve_products_in_one_light_take_four_calls_and_six_thousand_characters(
    world: World, simulator: SimulatorHandle
) -> None:
    folder = photos(world, 12)
    results: list[CallToolResult] = []
    async with served(settings_of(world, simulator)) as client:

        async def call(tool: str, **arguments: Any) -> CallToolResult:
            results.append(await client.call_tool(tool, arguments))
            return results[-1]

        first = facts_of(await call("relight_image", image=str(folder), look="window_left"))
        found = first
        with anyio.fail_after(120):
            while found["done"] < 12:  # on a quiet machine one call is enough
                if len(results) > 1:
                    results.pop()
                found = facts_of(await call("get_job", job_id=first["set_id"], wait_s=45))
        sheet = await call("view_image", image=first["set_id"])
    assert (found["status"], found["failed"], found["cost_usd"]) == ("succeeded", 0, 0)
    names = [line["name"] for line in found["items"]]
    assert names == [f"mug{number}" for number in range(1, 13)]
    for line in found["items"]:
        assert Path(line["path"]).name == f"{line['name']}-window_left.jpg"
        assert Path(line["path"]).is_file()
        assert line["verdict"]
    assert isinstance(sheet.content[0], ImageContent) or isinstance(sheet.content[1], ImageContent)
    assert len(results) <= 4
    assert sum(map(told, results)) <= 6_000


async def test_a_set_is_cancelled_refused_and_told_in_part(
    world: World, simulator: SimulatorHandle
) -> None:
    photos(world, 2)
    (world.photos / "broken.jpg").write_bytes((world.photos / "mug1.jpg").read_bytes()[:300])
    async with served(settings_of(world, simulator)) as client:
        first = await begin(client, image="mug1.jpg, mug2.jpg, broken.jpg", look="loop")
        found = await over(client, first["set_id"])
        assert [line["status"] for line in found["items"]] == ["succeeded", "succeeded", "failed"]
        assert (found["status"], found["failed"]) == ("succeeded", 1)
        assert "image_" in found["items"][2]["error"]
        again = await begin(client, image="mug1.jpg, mug2.jpg, broken.jpg", look="loop")
        assert again["set_id"] != first["set_id"]
        jobs = [line["job_id"] for line in found["items"][:2]]
        assert [line.get("job_id") for line in again["items"]][:2] == jobs
        masked = {"image": str(world.photos), "look": "loop", "mask": "mug1.jpg"}
        assert "mask" in refusal_of(await client.call_tool("relight_image", masked))["message"]
        empty = {"image": f"{world.photos}/*.png", "look": "loop"}
        assert refusal_of(await client.call_tool("relight_image", empty))["code"] == (
            "invalid_argument"
        )
    async with served(settings_of(world, simulator, worker="none")) as client:
        waiting = await begin(client, image=f"{world.photos}/mug*.jpg", look="neon")
        assert waiting["status"] == "queued"
        wish = {"job_id": waiting["set_id"]}
        ended = facts_of(await client.call_tool("cancel_job", wish))
        assert ended["status"] == "cancelled"
        assert {line["status"] for line in ended["items"]} == {"cancelled"}


async def test_the_cap_and_the_consent_of_a_set_count_for_the_sum_and_it_is_paid_once(
    world: World, simulator: SimulatorHandle
) -> None:
    folder = photos(world, 3)
    wish = {"image": str(folder), **PAID}
    async with served(settings_of(world, simulator)) as client:
        plan = facts_of(await client.call_tool("plan_relight", wish))
        assert plan["candidates"][0]["cost"]["usd"] == pytest.approx(3 * 0.037)
        refused = await client.call_tool("relight_image", wish | {"max_cost_usd": 0.1})
        assert refusal_of(refused)["code"] == "budget_exceeded"
        first = await begin(client, **wish, max_cost_usd=0.12)
        found = await over(client, first["set_id"])
        assert found["status"] == "succeeded"
        assert found["cost_usd"] > 0
        same = await begin(client, **wish, max_cost_usd=0.01, strength=0.9)
        assert same["set_id"] == first["set_id"]
        listed = json.dumps([str(path) for path in sorted(folder.iterdir())])
        assert (await begin(client, **wish | {"image": listed}))["set_id"] == first["set_id"]
        single = await begin(client, **wish | {"image": str(folder / "mug2.jpg")})
        assert single["job_id"] == found["items"][1]["job_id"]
    async with served(settings_of(world, simulator)) as client:
        assert (await begin(client, **wish))["set_id"] == first["set_id"]
    paid = Paid.by(simulator)
    assert len(paid.submits) == len(paid.charges) == 3


async def test_the_light_of_a_job_on_many_other_photos_and_one_of_them_softer(
    world: World, simulator: SimulatorHandle
) -> None:
    photos(world, 2)
    async with served(settings_of(world, simulator)) as client:
        one = await begin(client, image="mug1.jpg", look="neon", softness=0.9, wait_s=45)
        wish = {"based_on": one["job_id"], "image": "mug*.jpg", "wait_s": 0}
        first = facts_of(await client.call_tool("relight_image", wish))
        found = await over(client, first["set_id"])
        assert found["items"][0]["job_id"] == one["job_id"]
        second = found["items"][1]["job_id"]
        harder = await begin(client, based_on=second, softness="-50%", wait_s=45)
    assert Path(harder["images"][0]["path"]).name == "mug2-neon-harder.jpg"


async def test_three_variants_and_the_best_take_three_calls(
    world: World, simulator: SimulatorHandle
) -> None:
    photo = world.photo("mug.png", width=160, height=120)
    async with served(settings_of(world, simulator)) as client:
        wish = {"image": str(photo), "look": "rembrandt,loop,split", "wait_s": 45}
        first = facts_of(await client.call_tool("relight_image", wish))
        assert len(first["siblings"]) == 2
        sheet = await client.call_tool("view_image", {"image": first["job_id"]})
    words = next(block.text for block in sheet.content if isinstance(block, TextContent))
    assert "Best by its report" in words
