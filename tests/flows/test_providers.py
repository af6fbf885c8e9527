"""Every remote model, from a tool call to a picture on disk, over real HTTP."""

import json
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from PIL import Image

from mcp_relight.simulator.control import SimulatorHandle
from tests.matrix import some_now
from tests.world import World

from .rig import (
    Facts,
    Paid,
    ended,
    facts_of,
    refusal_of,
    remote_environment,
    served,
    settings_of,
    start,
    upload,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("brisk")]

NAMED = (
    "pixeldojo/image-relighting",
    "pixazo/pixelforge-relighting",
    "segmind/ic-light",
    "pixeldojo/image-relighting:nano-banana-pro",
    "pixeldojo/image-relighting:nano-banana-2",
    "pixeldojo/image-relighting:qwen-image-edit",
    "pixeldojo/p-image-edit",
    "pixazo/pixelforge-image",
    "segmind/segmind-relighting",
    "segmind/segmind-relighting-v2",
    "segmind/qwen-image-edit-plus-relight",
)


async def models_of(client: Client, provider: str) -> list[Facts]:
    result = await client.call_tool("list_models", {"provider": provider})
    assert result.structured_content is not None
    return result.structured_content["models"]


def check_finished(job: Facts, photo: Path) -> None:
    assert (job["status"], job["progress"]) == ("succeeded", 1.0)
    assert "error" not in job
    assert job["cost"]["billed"] == "yes"
    assert job["cost"]["amount"] > 0
    assert job["fields"].keys() == {"honoured", "approximated", "ignored"}
    assert any("azimuth_deg" in names for names in job["fields"].values())
    assert job["sent"]
    assert all(sent["bytes"] > 0 and sent["to"] for sent in job["sent"])
    assert job["report"]
    for image in job["images"]:
        with Image.open(image["path"]) as picture:
            picture.load()
            assert picture.size == (image["width"], image["height"])
        assert Path(image["path"]).name.startswith(photo.stem)


@pytest.fixture
def photo(world: World) -> Path:
    return world.photo("mug.jpg", width=192, height=128)


@pytest.mark.parametrize("model", some_now(NAMED, now=3))
async def test_a_named_model_relights_a_photo_and_is_charged_once(
    world: World, simulator: SimulatorHandle, photo: Path, model: str
) -> None:
    image = str(photo) if model.startswith("segmind/") else upload(simulator, photo)
    async with served(settings_of(world, simulator)) as client:
        arguments = {"image": image, "model": model, "light_from": "left", "max_cost_usd": 1.0}
        job = await start(client, **arguments)
        job = await ended(client, job["job_id"])
    check_finished(job, photo if image == str(photo) else Path(image))
    paid = Paid.by(simulator)
    assert len(paid.submits) == len(paid.charges) == 1
    assert paid.ledger["canary"] == []


@pytest.mark.long
async def test_every_model_of_the_catalogs_that_relights_does_so(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    url = upload(simulator, photo)
    async with served(settings_of(world, simulator)) as client:
        models = [
            model["model"]
            for provider in simulator.keys
            for model in await models_of(client, provider)
        ]
        assert set(NAMED) <= set(models)
        jobs = [
            await start(client, image=url, model=model, light_from="left", max_cost_usd=1.0)
            for model in models
        ]
        finished = [await ended(client, job["job_id"]) for job in jobs]
    problems = [
        (job["model"], job.get("error")) for job in finished if job["status"] != "succeeded"
    ]
    assert problems == []
    assert len(Paid.by(simulator).charges) == len(models)


@pytest.mark.parametrize(
    "model",
    some_now(["pixeldojo/p-image-edit", "pixazo/pixelforge-relighting", "pixazo/pixelforge-image"]),
)
async def test_a_local_file_is_refused_before_there_is_a_job_where_only_addresses_are_read(
    world: World, simulator: SimulatorHandle, photo: Path, model: str
) -> None:
    wish = {"image": str(photo), "model": model, "light_from": "left"}
    async with served(settings_of(world, simulator)) as client:
        error = refusal_of(await client.call_tool("relight_image", wish))
        plan = facts_of(await client.call_tool("plan_relight", wish))
        jobs = facts_of(await client.call_tool("list_jobs", {}))
    assert error["code"] == plan["candidates"][0]["problem"]["code"] == "needs_public_url"
    for said in (error, plan["candidates"][0]["problem"]):
        assert "MCP_RELIGHT_BUCKET_URL" in said["hint"]
    assert jobs["jobs"] == []
    assert Paid.by(simulator).submits == []


async def test_a_plan_over_all_models_puts_those_last_that_cannot_read_this_file(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    async with served(settings_of(world, simulator)) as client:
        wish = {"image": str(photo), "light_from": "left", "max_cost_usd": 1.0}
        plan = facts_of(await client.call_tool("plan_relight", wish))
    candidates = plan["candidates"]
    can = [one["model"] for one in candidates if "problem" not in one]
    assert [one["model"] for one in candidates[: len(can)]] == can
    assert {model.partition("/")[0] for model in can} == {"local", "segmind"}
    assert {one["problem"]["code"] for one in candidates[len(can) :]} == {"needs_public_url"}


async def test_further_pictures_are_passed_on_by_their_own_addresses(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    second = world.photo("second.png", width=64, height=64)
    wish = {"image": upload(simulator, photo), "model": "pixeldojo/p-image-edit"}
    async with served(settings_of(world, simulator)) as client:
        local = json.dumps({"reference_image_1": str(second)})
        refused = await client.call_tool(
            "relight_image", {**wish, "light_from": "left", "params": local}
        )
        assert refusal_of(refused)["code"] == "needs_public_url"
        public = json.dumps({"reference_image_1": upload(simulator, second)})
        job = await start(client, **wish, light_from="left", params=public)
        job = await ended(client, job["job_id"])
    assert job["status"] == "succeeded"
    assert [sent["what"] for sent in job["sent"]] == [
        "address of the image",
        "address of the reference_image_1",
    ]


@pytest.mark.parametrize(
    "model", some_now(["segmind/segmind-relighting", "segmind/segmind-relighting-v2"])
)
async def test_a_model_that_reads_no_words_needs_a_light_that_is_described(
    world: World, simulator: SimulatorHandle, photo: Path, model: str
) -> None:
    """Its four controls are required, and all of them would be guessed."""
    wish = {"image": str(photo), "model": model, "prompt": "a calm evening", "max_cost_usd": 1.0}
    async with served(settings_of(world, simulator)) as client:
        for tool in ("relight_image", "plan_relight"):
            error = refusal_of(await client.call_tool(tool, wish))
            assert (error["code"], error.get("argument", "look")) == ("invalid_argument", "look")
            assert f"{model} does not read prompts" in error["message"]
            assert "prompt" not in error["hint"].split(".")[0]
        assert Paid.by(simulator).ledger["posts"] == []
        job = await start(client, **wish, light_from="left")
        job = await ended(client, job["job_id"])
    assert job["status"] == "succeeded"
    ignored = job["fields"]["ignored"]
    assert "prompt" in ignored


async def test_the_seed_the_provider_used_is_told(
    world: World, simulator: SimulatorHandle, photo: Path
) -> None:
    async with served(settings_of(world, simulator)) as client:
        wish = {"image": str(photo), "model": "segmind/ic-light", "light_from": "left"}
        job = await ended(client, (await start(client, **wish))["job_id"])
        assert isinstance(job["seed"], int)
        again = await ended(client, (await start(client, **wish, seed=job["seed"]))["job_id"])
    assert again["seed"] == job["seed"]


@pytest.mark.parametrize(
    ("model", "arguments"),
    some_now(
        [
            ("pixeldojo/image-relighting", {"count": 3, "seed": 7}),
            ("pixazo/pixelforge-relighting", {"count": 2}),
            ("segmind/ic-light", {"count": 2, "seed": 7}),
        ],
        rows=True,
    ),
)
async def test_several_pictures_of_one_job_all_arrive(
    world: World,
    simulator: SimulatorHandle,
    photo: Path,
    model: str,
    arguments: Facts,
) -> None:
    async with served(settings_of(world, simulator)) as client:
        job = await start(
            client, image=upload(simulator, photo), model=model, light_from="left", **arguments
        )
        job = await ended(client, job["job_id"])
    assert job["status"] == "succeeded"
    assert len({image["path"] for image in job["images"]}) == arguments["count"]


@pytest.mark.parametrize(
    "model",
    ["pixeldojo/image-relighting", "pixazo/pixelforge-relighting", "segmind/ic-light"],
)
@pytest.mark.long
async def test_a_real_server_and_its_detached_worker_do_the_same(
    world: World, simulator: SimulatorHandle, photo: Path, model: str
) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "mcp_relight", "serve"],
        env=world.environment | remote_environment(simulator),
    )
    url = upload(simulator, photo)
    async with Client(server) as client:
        job = await start(client, image=url, model=model, light_from="left")
        job = await ended(client, job["job_id"], within_s=120)
    check_finished(job, Path(url))
    assert len(Paid.by(simulator).charges) == 1
