"""Hints that a model can act on, in the client that it is in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client
from mcp.types import Implementation

from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.server.app import create_server
from tests.flows.rig import facts_of, refusal_of
from tests.world import World

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected(world: World, name: str = "mcp", mode: Any = "auto") -> AsyncIterator[Client]:
    settings = Settings.load(
        data_dir=world.data,
        output_dir=world.results,
        allowed_dirs=(world.photos,),
        worker="inline",
    )
    server = create_server(Application(settings))
    info = Implementation(name=name, version="1")
    async with Client(server, mode=mode, client_info=info) as client:
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("claude-ai", "mcp-relight install claude-desktop --keys-from-shell"),
        ("claude-code", "mcp-relight install claude-code --keys-from-shell"),
        ("Visual Studio Code", "mcp-relight install vscode --keys-from-shell"),
        ("somebody's own", "A person has to set that where this server is started"),
    ],
)
async def test_a_missing_key_says_where_it_goes_in_this_client(
    world: World, name: str, said: str, mode: Any
) -> None:
    photo = world.photo("mug.jpg", width=96, height=64)
    async with connected(world, name, mode) as client:
        asked = {"image": str(photo), "look": "loop", "model": "segmind/ic-light"}
        refusal = refusal_of(await client.call_tool("relight_image", asked))
    assert refusal["code"] == "model_not_ready"
    assert "SEGMIND_API_KEY" in refusal["message"]
    assert said in refusal["hint"]
    assert "chat" in refusal["hint"]


async def test_cancelling_what_is_over_says_so(world: World) -> None:
    photo = world.photo("mug.jpg", width=96, height=64)
    async with connected(world) as client:
        asked = {"image": str(photo), "look": "Loop", "wait_s": 45}
        job = facts_of(await client.call_tool("relight_image", asked))
        assert job["status"] == "succeeded"
        told = facts_of(await client.call_tool("cancel_job", {"job_id": job["job_id"]}))
    assert told["status"] == "succeeded"
    assert told["next_step"].startswith("Nothing was cancelled")
    assert told["images"] == job["images"]


async def test_two_photos_are_compared_in_words_that_fit_them(world: World) -> None:
    one = world.photo("mug.jpg", width=96, height=64)
    two = world.photo("other.jpg", width=128, height=64)
    async with connected(world) as client:
        asked = {"before": str(one), "after": str(two)}
        told = facts_of(await client.call_tool("compare_images", asked))
        assert "about as bright" in told["summary"]
        assert "asked" not in told["summary"]
        refusal = refusal_of(await client.call_tool("compare_images", {"before": str(one)}))
    assert "two pictures" in refusal["hint"]


async def test_an_unknown_look_of_several_is_told_by_its_place(world: World) -> None:
    photo = world.photo("mug.jpg", width=96, height=64)
    async with connected(world) as client:
        asked = {"image": str(photo), "look": "loop, rembrant, split, x"}
        refusal = refusal_of(await client.call_tool("relight_image", asked))
    assert refusal["code"] == "unknown_look"
    assert 'Number 2 of the 4 in look is none. Did you mean "rembrandt"?' in refusal["message"]
    assert "Number 4 of the 4" in refusal["message"]
