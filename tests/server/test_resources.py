"""Resources, their completion and how long they keep."""

import json
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import PromptReference, ResourceTemplateReference, TextResourceContents

from mcp_relight.domain.looks import LOOKS
from tests.flows.rig import start
from tests.server.conftest import Connect
from tests.server.surface import NeverOpened
from tests.world import World

pytestmark = pytest.mark.anyio


async def read(client: Client, uri: str) -> dict[str, Any]:
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    return json.loads(content.text)


async def test_a_job_reads_as_get_job_answers(world: World, connect: Connect, mode: Any) -> None:
    photo = world.photo("mug.jpg", width=96, height=64)
    async with connect(mode) as client:
        job = await start(client, image=str(photo), look="low_key", wait_s=45)
        assert job["status"] == "succeeded"
        assert await read(client, f"relight://jobs/{job['job_id']}") == job


async def test_models_and_looks_read_as_json(connect: Connect, mode: Any) -> None:
    async with connect(mode) as client:
        models = await read(client, "relight://models")
        assert "local/classic" in {model["model"] for model in models["models"]}
        (one,) = (await read(client, "relight://models/local/classic"))["models"]
        assert one["parameters"]
        for colon in (":", "%3A"):
            uri = f"relight://models/pixeldojo/image-relighting{colon}nano-banana-2"
            (named,) = (await read(client, uri))["models"]
            assert named["model"] == "pixeldojo/image-relighting:nano-banana-2"
        looks = await read(client, "relight://looks")
        assert looks["looks"].keys() == LOOKS.keys()
        assert looks["looks"]["low_key"]["lighting"]["lights"]


@pytest.mark.parametrize(
    "uri",
    [
        "relight://jobs/job_" + "0" * 32,
        "relight://jobs/" + "x" * 200,
        "relight://models/local/none",
        "relight://images/none",
        "relight://nothing",
    ],
)
async def test_what_is_not_there_is_an_invalid_parameter(
    connect: Connect, mode: Any, uri: str
) -> None:
    async with connect(mode) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(uri)
    assert refused.value.code == -32602 or "x" * 200 in uri


async def test_finished_pictures_are_listed_newest_first(world: World, connect: Connect) -> None:
    photo = world.photo("mug.jpg", width=96, height=64)
    async with connect() as client:
        first = await start(client, image=str(photo), look="low_key", wait_s=45)
        second = await start(client, image=str(photo), look="rembrandt", wait_s=45)
        listed = (await client.list_resources(cache_mode="refresh")).resources
    pictures = [one for one in listed if one.uri.startswith("relight://images/")]
    assert [one.name for one in pictures] == [
        second["images"][0]["image_id"],
        first["images"][0]["image_id"],
    ]
    assert "low_key" in (pictures[1].title or "")


async def test_listing_and_prompts_open_nothing() -> None:
    from mcp_relight.server.app import create_server

    async with Client(create_server(NeverOpened())) as client:
        listed = {one.uri for one in (await client.list_resources()).resources}
        templates = (await client.list_resource_templates()).resource_templates
        prompts = (await client.list_prompts()).prompts
        looks = await client.complete(
            PromptReference(name="relight_photo"), {"name": "look", "value": "go"}
        )
        assert (await read(client, "relight://looks"))["looks"]
    assert listed == {"relight://models", "relight://looks", "ui://mcp-relight/compare.html"}
    assert {one.uri_template for one in templates} == {
        "relight://images/{image_id}",
        "relight://jobs/{job_id}",
        "relight://models/{provider}/{model}",
    }
    assert len(prompts) == 5
    assert looks.completion.values == ["golden_hour"]


async def test_ids_and_models_are_completed(world: World, connect: Connect, mode: Any) -> None:
    photo = world.photo("mug.jpg", width=96, height=64)
    async with connect(mode) as client:
        job = await start(client, image=str(photo), look="low_key", wait_s=45)

        async def completed(template: str, name: str, value: str, **given: str) -> list[str]:
            ref = ResourceTemplateReference(uri=template)
            answer = await client.complete(ref, {"name": name, "value": value}, given or None)
            return answer.completion.values

        assert await completed("relight://jobs/{job_id}", "job_id", "job_") == [job["job_id"]]
        image_id = job["images"][0]["image_id"]
        assert await completed("relight://images/{image_id}", "image_id", image_id[:4]) == [
            image_id
        ]
        model = "relight://models/{provider}/{model}"
        assert "segmind" in await completed(model, "provider", "")
        assert await completed(model, "model", "", provider="local") == ["classic"]
        prompt = PromptReference(name="relight_photo")
        models = await client.complete(prompt, {"name": "model", "value": "local/"})
        assert models.completion.values == ["local/classic"]
        photos = await client.complete(prompt, {"name": "image", "value": "mug"})
        assert str(photo) in photos.completion.values
        session = PromptReference(name="portrait_session")
        looks = await client.complete(session, {"name": "looks", "value": "loop,remb"})
        assert looks.completion.values == ["loop,rembrandt"]


async def test_lists_say_how_long_they_keep(connect: Connect) -> None:
    async with connect() as client:
        assert (await client.list_tools()).ttl_ms == 60_000
        assert (await client.read_resource("relight://looks")).ttl_ms == 1_000
