"""An agent carries every answer in its context: each stays within its size.

Over the largest catalogue there is: the simulator's, with every provider's key.
"""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from mcp import Client
from mcp.types import TextContent

from mcp_relight.simulator.control import SimulatorHandle
from tests.flows.conftest import brisk, simulator, simulator_of_all, simulator_server
from tests.flows.rig import ended, served, settings_of, upload
from tests.world import World

__all__ = ["brisk", "simulator", "simulator_of_all", "simulator_server"]

pytestmark = pytest.mark.anyio

LONG_NAME = "Screenshot of the terrace behind the house on a late afternoon in October (3)"
EIGHT_LIGHTS = json.dumps(
    [
        {"azimuth_deg": 40 * at - 160, "elevation_deg": 20, "color": "#FF8020", "softness": 0.4}
        for at in range(8)
    ]
)
REQUESTS: dict[str, dict[str, Any]] = {
    "look": {"look": "neon"},
    "several looks under a cap": {"look": "rembrandt,split,loop", "max_cost_usd": 0.01},
    "eight lights": {"lights": EIGHT_LIGHTS, "region": "subject", "exposure_ev": 1},
    "a lamp and words": {"light_at": "0.1,0.2", "color": "#FF8020", "prompt": "soft " * 790},
}


@pytest.fixture
async def client(world: World, simulator: SimulatorHandle, brisk: None) -> AsyncGenerator[Client]:
    world.photo(f"{LONG_NAME}.jpg", width=96, height=64)
    async with served(settings_of(world, simulator)) as client:
        yield client


async def answer(client: Client, tool: str, **arguments: Any) -> tuple[dict[str, Any], int]:
    """The facts, and the characters of their text, which says the same."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    text = result.content[0]
    assert isinstance(text, TextContent)
    assert json.loads(text.text) == result.structured_content
    return result.structured_content, len(text.text)


async def pages(client: Client, limit: int, **arguments: Any) -> list[dict[str, Any]]:
    """Every row of all pages, none of them longer than the limit."""
    rows, cursor = list[dict[str, Any]](), None
    for _ in range(30):
        more = {"cursor": cursor} if cursor else {}
        page, length = await answer(client, "list_models", **arguments, **more)
        assert length <= limit
        assert page["models"]
        rows += page["models"]
        cursor = page.get("cursor")
        if cursor is None:
            return rows
    raise AssertionError("the pages never end")


async def test_the_models_made_for_relighting_come_first_and_a_line_counts_the_rest(
    client: Client,
) -> None:
    listed, length = await answer(client, "list_models")
    assert length <= 4_000
    named = [one["model"] for one in listed["models"]]
    assert {"local/classic", "segmind/ic-light", "pixazo/pixelforge-relighting"} <= set(named)
    assert "cursor" not in listed
    (dojo,) = [one for one in listed["providers"] if one["provider"] == "pixeldojo"]
    of_dojo = await pages(client, 4_000, provider="pixeldojo")
    shown = [name for name in named if name.startswith("pixeldojo/")]
    assert dojo["others"]["count"] == len(of_dojo) - len(shown) > 20
    assert 0 < dojo["others"]["usd_from"] < dojo["others"]["usd_to"]


async def test_all_models_come_in_pages_each_once(client: Client) -> None:
    rows = await pages(client, 6_000, include="all")
    names = [row["model"] for row in rows]
    assert len(names) == len(set(names)) > 100
    assert any(row.get("relights") is False for row in rows)
    for name in (one["model"] for one in await pages(client, 4_000)):
        assert name in names


async def test_models_are_found_by_words(client: Client) -> None:
    rows = await pages(client, 4_000, query="Nano banana")
    assert rows
    assert all("nano" in row["model"] for row in rows)
    nothing, _ = await answer(client, "list_models", query="no such words")
    assert nothing["models"] == []
    assert "query" in nothing["next_step"]


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_a_plan_shows_three_in_full_and_the_others_in_a_line(
    client: Client, request_: dict[str, Any]
) -> None:
    plan, length = await answer(client, "plan_relight", image=f"{LONG_NAME}.jpg", **request_)
    assert length <= 5_000
    candidates = plan["candidates"]
    assert all("request" in one and "fields" in one for one in candidates[:3])
    assert all("request" not in one and "fields" not in one for one in candidates[3:])
    assert len(candidates) > 5
    assert all(one.get("ready") is not True or "problem" not in one for one in candidates)
    for name in ("local/classic", "segmind/ic-light"):
        plan, length = await answer(
            client, "plan_relight", image=f"{LONG_NAME}.jpg", model=name, **request_
        )
        assert length <= 5_000
        assert plan["candidates"][0]["model"] == name


async def test_a_plan_of_several_looks_counts_them_all(client: Client) -> None:
    asked = {"image": f"{LONG_NAME}.jpg", "model": "segmind/ic-light"}
    one, _ = await answer(client, "plan_relight", **asked, look="loop")
    two, _ = await answer(client, "plan_relight", **asked, look="loop,split")
    assert two["siblings"] == 2
    assert two["candidates"][0]["cost"]["usd"] == 2 * one["candidates"][0]["cost"]["usd"]


async def test_jobs_of_every_model_made_for_relighting(
    client: Client, world: World, simulator: SimulatorHandle
) -> None:
    listed, _ = await answer(client, "list_models")
    url = upload(simulator, world.photos / f"{LONG_NAME}.jpg")
    for model in [one["model"] for one in listed["models"]]:
        asked = {"image": url, "look": "sunset_backlight", "model": model}
        job, length = await answer(client, "relight_image", **asked, wait_s=0)
        assert length <= 350, model
        if job["status"] in {"queued", "running"}:
            assert job["eta_s"] > 0
        await ended(client, job["job_id"])
        job, length = await answer(client, "get_job", job_id=job["job_id"])
        assert job["status"] == "succeeded", job
        assert length <= 1_500, model
        check_grouped(job["fields"])
        assert "lighting" not in job, "it is what was asked"
    page, _ = await answer(client, "list_jobs", limit=100)
    assert len(page["jobs"]) == len(listed["models"])
    for row in page["jobs"]:
        assert len(json.dumps(row, separators=(",", ":"), ensure_ascii=False)) <= 220
        assert {"job_id", "status", "model", "verdict", "cost_usd", "created_at"} <= row.keys()
    free, dear = page["jobs"][-1], page["jobs"][0]
    assert (free["model"], free["cost_usd"]) == ("local/classic", 0)
    assert dear["cost_usd"] > 0
    spent = sum(row["cost_usd"] for row in page["jobs"])
    assert page["spent_today_usd"] == pytest.approx(spent, rel=0.3)
    assert page["budget_left_usd"] == pytest.approx(1000 - page["spent_today_usd"])


def check_grouped(fields: dict[str, Any]) -> None:
    assert fields.keys() == {"honoured", "approximated", "ignored"}
    assert all(isinstance(note, str) for note in fields["approximated"].values())
    names = [*fields["honoured"], *fields["approximated"], *fields["ignored"]]
    assert "azimuth_deg" in names
    assert len(names) == len(set(names))


async def test_several_looks_and_a_light_of_a_reference(client: Client, world: World) -> None:
    world.photo("other.jpg", width=96, height=64)
    image = f"{LONG_NAME}.jpg"
    job, length = await answer(
        client, "relight_image", image=image, look="rembrandt,loop,split", wait_s=0
    )
    assert length <= 350
    assert len(job["siblings"]) == 2
    await ended(client, job["job_id"])
    job, length = await answer(client, "get_job", job_id=job["job_id"])
    assert length <= 1_500
    job, _ = await answer(client, "relight_image", image=image, reference="other.jpg", wait_s=0)
    matched = await ended(client, job["job_id"])
    assert matched["lighting"]["lights"], "it was not given in numbers"


async def test_what_was_paid_today_is_one_call(
    world: World, simulator: SimulatorHandle, brisk: None
) -> None:
    world.photo("mug.jpg", width=96, height=64)
    async with served(settings_of(world, simulator, daily_budget_usd=2.0)) as client:
        asked = {"image": "mug.jpg", "look": "loop", "model": "segmind/ic-light"}
        job, _ = await answer(client, "relight_image", **asked, wait_s=0)
        paid = (await ended(client, job["job_id"]))["cost"]["usd"]
        page, _ = await answer(client, "list_jobs", limit=1)
        (row,) = page["jobs"]
        assert row["look"] == "loop"
        assert row["cost_usd"] == paid
        assert page["folder"] == str(world.results)
        assert (world.results / row["path"]).is_file()
        assert page["spent_today_usd"] == pytest.approx(paid)
        assert page["budget_left_usd"] == pytest.approx(2.0 - paid)
