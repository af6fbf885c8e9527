"""The story with the Python client, in both eras."""

import base64
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import BlobResourceContents, ImageContent

from tests.flows.rig import ended, facts_of, refusal_of, start
from tests.http_server import serving
from tests.server.test_surface import NAMES
from tests.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.long]


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Any:
    return request.param


async def tell(client: Client, world: World) -> None:
    photo = str(world.photo("mug.jpg"))
    large = str(world.photo("large.jpg", width=3000, height=2000))
    assert {tool.name for tool in (await client.list_tools()).tools} >= set(NAMES)
    models = facts_of(await client.call_tool("list_models", {}))
    assert models["default_model"] == "local/classic"
    light = {"image": photo, "look": "golden_hour"}
    plan = facts_of(await client.call_tool("plan_relight", light))
    assert plan["candidates"][0]["model"] == "local/classic"

    heard: list[tuple[float, str | None]] = []

    async def progress(done: float, total: float | None, words: str | None) -> None:
        heard.append((done / (total or 1), words))

    job = await start(client, **light)
    result = await client.call_tool(
        "get_job", {"job_id": job["job_id"], "wait_s": 45}, progress_callback=progress
    )
    job = facts_of(result)
    assert job["status"] == "succeeded"
    check_progress(heard)
    (image,) = job["images"]
    (content,) = (await client.read_resource(image["uri"])).contents
    assert isinstance(content, BlobResourceContents)
    assert base64.b64decode(content.blob) == Path(image["path"]).read_bytes()
    seen = await client.call_tool("view_image", {"image": job["job_id"]})
    assert any(isinstance(block, ImageContent) for block in seen.content)

    unwanted = await start(client, image=large, look="low_key")
    await client.call_tool("cancel_job", {"job_id": unwanted["job_id"]})
    assert (await ended(client, unwanted["job_id"]))["status"] == "cancelled"
    refusal = refusal_of(await client.call_tool("relight_image", {"image": photo, "look": "gold"}))
    assert refusal["code"] == "unknown_look"
    assert "golden_hour" in refusal["message"]


def check_progress(heard: list[tuple[float, str | None]]) -> None:
    """Fractions never go back, and every one comes with words."""
    assert heard
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert all(words for _, words in heard)


async def test_the_story_over_stdio(world: World, mode: Any) -> None:
    command = ["-m", "mcp_relight", "serve"]
    server = StdioServerParameters(command=sys.executable, args=command, env=world.environment)
    async with Client(server, mode=mode) as client:
        await tell(client, world)


async def test_the_story_over_http(world: World, mode: Any) -> None:
    with serving(world) as server:
        async with Client(server.url, mode=mode) as client:
            await tell(client, world)
        server.stop()
