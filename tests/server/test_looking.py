"""Looking at pictures inline: one, a set, several by hand."""

import base64
import io
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from mcp import Client
from mcp.types import ImageContent, TextContent
from PIL import Image

from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.server.app import create_server
from tests.world import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(world: World) -> AsyncGenerator[Client]:
    world.photos.mkdir()
    settings = Settings.load(
        data_dir=world.data,
        output_dir=world.results,
        allowed_dirs=(world.photos,),
        worker="inline",
    )
    async with Client(create_server(Application(settings))) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


async def look(client: Client, image: str, **arguments: Any) -> tuple[str, Image.Image]:
    result = await client.call_tool("view_image", {"image": image, **arguments})
    assert not result.is_error, result.content
    assert result.structured_content is None, "clients drop pictures beside structured content"
    text, picture = result.content
    assert isinstance(text, TextContent)
    assert isinstance(picture, ImageContent)
    assert len(picture.data) <= 700_000
    return text.text, Image.open(io.BytesIO(base64.b64decode(picture.data)))


async def test_a_set_of_looks_is_one_sheet_with_the_photo_before(
    client: Client, world: World
) -> None:
    photo = world.photo("mug.jpg", width=160, height=120)
    job = await call(client, "relight_image", image=str(photo), look="loop,split", wait_s=45)
    assert len(job["siblings"]) == 1
    assert "siblings" in job["next_step"]
    await call(client, "get_job", job_id=job["siblings"][0], wait_s=45)
    line, sheet = await look(client, job["job_id"], max_edge=600)
    assert line.startswith("Contact sheet: before; loop · local/classic")
    assert "split" in line
    assert line.partition(". Best by its report: ")[2].startswith(("loop (job_", "split (job_"))
    assert max(sheet.size) > 400


async def test_a_set_is_shown_without_what_was_forgotten_of_it(
    client: Client, world: World
) -> None:
    photo = world.photo("mug.jpg", width=96, height=96)
    job = await call(client, "relight_image", image=str(photo), look="loop,split", wait_s=45)
    await call(client, "get_job", job_id=job["siblings"][0], wait_s=45)
    assert world.run("forget", job["siblings"][0]).returncode == 0
    line, _ = await look(client, job["job_id"])
    assert line.startswith("Contact sheet: before; loop")
    assert "split" not in line


async def test_one_result_is_shown_alone_and_scaled(client: Client, world: World) -> None:
    photo = world.photo("mug.jpg", width=640, height=480)
    job = await call(client, "relight_image", image=str(photo), light_from="left", wait_s=45)
    for name in (job["job_id"], job["images"][0]["image_id"], job["images"][0]["uri"]):
        _, picture = await look(client, name, max_edge=200)
        assert picture.size == (200, 150)
        assert picture.format == "JPEG"


async def test_several_named_by_hand_are_lettered_in_order(client: Client, world: World) -> None:
    names = [str(world.photo(f"{name}.jpg", width=96, height=96)) for name in ("one", "two")]
    line, _ = await look(client, ",".join(names))
    assert line == "Contact sheet: picture 1; picture 2"


async def test_a_name_with_a_comma_is_one_picture(client: Client, world: World) -> None:
    photo = world.photo("me, and the mug.jpg", width=96, height=96)
    line, _ = await look(client, str(photo))
    assert line == "picture 1 (96x96 px shown)"


async def test_before_and_after_are_compared_without_links(client: Client, world: World) -> None:
    photo = world.photo("mug.jpg", width=160, height=120)
    job = await call(client, "relight_image", image=str(photo), look="low_key", wait_s=45)
    result = await client.call_tool("compare_images", {"job_id": job["job_id"]})
    assert [block.type for block in result.content] == ["text"]
    compared = result.structured_content
    assert compared is not None
    assert compared["after"]["path"] == job["images"][0]["path"]
    # A long answer leaves out what came along with the light; the report itself is one.
    whole = {"collateral": compared["report"]["collateral"]} | job["report"]
    assert compared["report"] == whole
    assert "low_key" in compared["summary"]


async def test_a_bare_id_of_a_result_names_a_picture_everywhere(
    client: Client, world: World
) -> None:
    photo = world.photo("mug.jpg", width=160, height=120)
    job = await call(client, "relight_image", image=str(photo), look="low_key", wait_s=45)
    image_id = job["images"][0]["image_id"]
    analyzed = await call(client, "analyze_light", image=image_id)
    assert analyzed["image"]["image_id"] == image_id
    compared = await call(client, "compare_images", before=str(photo), after=image_id)
    assert compared["after"]["image_id"] == image_id


async def test_a_preview_is_one_small_picture(client: Client, world: World) -> None:
    photo = world.photo("mug.jpg", width=640, height=480)
    planned = await client.call_tool(
        "plan_relight", {"image": str(photo), "look": "neon", "preview": True}
    )
    pictures = [block for block in planned.content if isinstance(block, ImageContent)]
    assert len(pictures) == 1
    assert len(base64.b64decode(pictures[0].data)) <= 40_000
    listed = await call(client, "list_jobs")
    assert listed["jobs"] == [], "a preview is not a job"


async def test_a_plan_by_words_alone_says_why_it_has_no_preview(
    client: Client, world: World
) -> None:
    photo = world.photo("mug.jpg", width=96, height=96)
    planned = await client.call_tool(
        "plan_relight", {"image": str(photo), "prompt": "warm and low", "preview": True}
    )
    assert [block.type for block in planned.content] == ["text"]
    plan = planned.structured_content
    assert plan is not None
    assert plan["candidates"]
    assert plan["warnings"][-1].startswith("No preview: ")
