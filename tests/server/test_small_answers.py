"""An agent carries every answer in its context: the long ones stay short."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from mcp import Client

from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.server.app import create_server
from mcp_relight.server.replies import text_of
from tests.world import World

pytestmark = pytest.mark.anyio

CHARACTERS_PER_TOKEN = 4


@pytest.fixture
async def client(world: World) -> AsyncGenerator[Client]:
    world.photo("mug.jpg", width=96, height=64)
    settings = Settings.load(
        {"SEGMIND_API_KEY": "SG_of_this_test"},
        data_dir=world.data,
        output_dir=world.results,
        allowed_dirs=(world.photos,),
        worker="none",
    )
    async with Client(create_server(Application(settings))) as client:
        yield client


async def answer(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def tokens(facts: dict[str, Any]) -> float:
    return len(text_of(facts)) / CHARACTERS_PER_TOKEN


async def test_the_list_of_models_names_every_one_in_a_line(client: Client) -> None:
    listed = await answer(client, "list_models")
    assert tokens(listed) < 6_000
    assert tokens(await answer(client, "list_models", include="all")) < 13_000
    ready = {one["provider"]: one["ready"] for one in listed["providers"]}
    assert ready == {"local": True, "pixeldojo": False, "pixazo": False, "segmind": True}
    missing = {one["provider"]: one.get("missing", "") for one in listed["providers"]}
    assert "PIXELDOJO_API_KEY" in missing["pixeldojo"]


async def test_a_plan_shows_the_models_made_for_light_and_counts_the_others(
    client: Client,
) -> None:
    planned = await answer(client, "plan_relight", image="mug.jpg", look="neon")
    assert tokens(planned) < 4_000
    models = [one["model"] for one in planned["candidates"]]
    assert models[0] == "local/classic"
    assert models[1].startswith("segmind/"), "what is ready comes first"
    assert {"pixeldojo/image-relighting:nano-banana-pro", "pixazo/pixelforge-image"} <= set(models)
    relighting = (await answer(client, "list_models"))["models"]
    assert planned["more"] == len(relighting) - len(models)


async def test_a_plan_of_several_looks_counts_them_all(client: Client) -> None:
    plan = {"image": "mug.jpg", "model": "segmind/ic-light"}
    one = await answer(client, "plan_relight", **plan, look="loop")
    two = await answer(client, "plan_relight", **plan, look="loop,split")
    assert two["siblings"] == 2
    assert two["candidates"][0]["cost"]["usd"] == 2 * one["candidates"][0]["cost"]["usd"]
