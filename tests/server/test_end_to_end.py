"""The main job through real clients, over real stdio, with a real detached worker."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.types import ResourceLink, TextContent

from tests.crash.rig import children, needs_proc, processes, workers
from tests.matrix import some_now
from tests.world import World

pytestmark = pytest.mark.anyio


def stdio(world: World) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_relight", "serve"], env=world.environment
    )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_photo_is_relit_and_the_result_is_the_same_everywhere(
    world: World, mode: Any
) -> None:
    photo = world.photo("mug.jpg")
    async with Client(stdio(world), mode=mode) as client:
        assert "relight_image" in [tool.name for tool in (await client.list_tools()).tools]
        result = await client.call_tool(
            "relight_image", {"image": str(photo), "look": "golden_hour", "wait_s": 45}
        )
        assert not result.is_error
        job = result.structured_content
        assert job is not None
        assert job["status"] == "succeeded"
        text = result.content[0]
        assert isinstance(text, TextContent)
        assert json.loads(text.text) == job
        links = [block for block in result.content if isinstance(block, ResourceLink)]
        (image,) = job["images"]
        assert [link.uri for link in links] == [image["uri"]]
        read = await client.read_resource(image["uri"])
        blob = base64.b64decode(read.contents[0].blob)  # pyright: ignore
        on_disk = Path(image["path"]).read_bytes()
        assert blob == on_disk
        assert read.contents[0].mime_type == "image/jpeg"
        assert len(on_disk) == image["bytes"]
        assert base64.b64encode(on_disk[:60]).decode() not in json.dumps(job)
        assert Path(image["path"]).name.startswith("mug-golden_hour")
        assert len(text.text) / 4 <= 600


@needs_proc
async def test_a_first_picture_and_another_light_on_it_take_one_pixel_child(world: World) -> None:
    """A second one would load numpy and OpenCV beside the first, while somebody waits."""
    photo = world.photo("mug.jpg")
    async with Client(stdio(world)) as client:
        for look in ("golden_hour", "rembrandt"):
            asked = {"image": str(photo), "look": look, "wait_s": 45}
            job = (await client.call_tool("relight_image", asked)).structured_content
            assert job is not None
            assert job["status"] == "succeeded"
        (server,), (worker,) = processes(world, "serve"), workers(world)
        assert children(server) == [worker]
        assert len(children(worker)) == 1


@pytest.mark.parametrize("mode", some_now(["legacy", "auto"]))
async def test_what_cannot_be_is_told_by_the_protocol_or_with_a_next_step(
    world: World, mode: Any
) -> None:
    """An unknown resource is an error of the protocol, a refused argument the tool's answer."""
    async with Client(stdio(world), mode=mode) as client:
        with pytest.raises(MCPError):
            await client.read_resource("relight://images/" + "0" * 32)
        result = await client.call_tool("relight_image", {"image": "x.png", "azimut": 3})
    assert result.is_error
    error = json.loads(result.content[0].text)["error"]  # pyright: ignore
    assert error["code"] == "unknown_argument"
    assert "azimuth_deg" in error["message"]
    assert result.meta is not None
    assert result.meta["mcp-relight/error"] == error
