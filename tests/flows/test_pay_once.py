"""Calls that ask a model for the same are one job and one charge, however they are spelled; calls
that ask for something else are another one."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest
from mcp import Client

from mcp_relight.providers.registry import Registry
from mcp_relight.simulator.control import SimulatorHandle
from tests.world import World

from .rig import Facts, Paid, ended, facts_of, refusal_of, served, settings_of, start, upload

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("brisk")]

NOW = "segmind/ic-light"
MODELS = [spec.id for spec in Registry().specs() if spec.relights and spec.is_paid]
BASE: Facts = {"light_from": "left", "kelvin": 3000.0, "max_cost_usd": 1.0}
LIGHTS = '[{"kelvin": 3000, "elevation_deg": 10, "azimuth_deg": -60}]'

SPELLINGS: list[Facts] = [
    {"max_cost_usd": 0.99},
    {"max_cost_usd": 0.0001},  # nothing more is spent
    {"wait_s": 0.1, "preview": False},
    {"count": 1},
    {"finish": "auto"},
    {"region": "all"},
    {"strength": 0.7},  # no remote model takes it
    {"light_from": None, "azimuth_deg": -60, "elevation_deg": 10},
    {"light_from": None, "azimuth_deg": 300.0, "kelvin": 3000, "prompt": " "},
    {"light_from": None, "kelvin": None, "lights": LIGHTS},
]
"""Other arguments, or other words, that change nothing of what is sent. The model's own defaults,
written out in two orders, are the eleventh and the twelfth."""

CHANGES: list[Facts] = [
    {"light_from": "right"},
    {"light_from": "back"},
    {"kelvin": 2000},
    {"kelvin": 9000},
    {"exposure_ev": -1},
    {"softness": 0.95},
    {"finish": "as-returned"},
]
"""What makes it another request; another picture is the eighth."""


def with_defaults(model: str) -> Iterable[Facts]:
    """Every default of the model's own parameters, written out in two orders."""
    known = sorted(Registry().spec(model).check({}).items())
    return ({"params": json.dumps(dict(order))} for order in (known, known[::-1]))


async def ask(client: Client, wish: Facts, change: Facts) -> str:
    given = {name: value for name, value in (wish | change).items() if value is not None}
    return facts_of(await client.call_tool("relight_image", {"wait_s": 0, **given}))["job_id"]


async def check(world: World, simulator: SimulatorHandle, model: str) -> None:
    photos = [world.photo(f"mug{width}.png", width=width, height=64) for width in (96, 80)]
    same = Path(shutil.copy(photos[0], photos[0].with_name("same bytes.png")))
    takes_files = model.startswith("segmind/")
    images = [str(one) if takes_files else upload(simulator, one) for one in (*photos, same)]
    wish = {"image": images[0], "model": model, **BASE}
    settings = settings_of(world, simulator)
    async with served(settings) as one, served(settings) as two:
        first: list[str] = []
        async with anyio.create_task_group() as tasks:
            for client in (one, two):
                tasks.start_soon(lambda client: _append(first, client, wish), client)
        again = [await ask(one, wish, change) for change in (*SPELLINGS, *with_defaults(model))]
        again.append(await ask(two, wish, {"image": images[2]}))
        assert (await ended(one, first[0]))["status"] == "succeeded"
    async with served(settings) as client:
        again.append(await ask(client, wish, {}))
        assert set(first + again) == {first[0]}
        assert len(Paid.by(simulator).submits) == 1
        others = [await ask(client, wish, change) for change in (*CHANGES, {"image": images[1]})]
        assert len({first[0], *others}) == 1 + len(others) == 9
        for job_id in others:
            assert (await ended(client, job_id))["status"] == "succeeded"
    paid = Paid.by(simulator)
    assert len(paid.submits) == len(paid.charges) == 9


async def _append(found: list[str], client: Client, wish: Facts) -> None:
    found.append(await ask(client, wish, {}))


async def test_every_way_to_ask_for_the_same_is_paid_once(
    world: World, simulator: SimulatorHandle
) -> None:
    await check(world, simulator, NOW)


FIRST = {model.partition("/")[0]: model for model in reversed(MODELS) if model != NOW}.values()
"""One of each provider."""


@pytest.mark.long
@pytest.mark.parametrize(
    "model",
    [
        model if model in FIRST else pytest.param(model, marks=pytest.mark.full)
        for model in MODELS
        if model != NOW
    ],
)
async def test_that_holds_for_every_remote_model(
    world: World, simulator: SimulatorHandle, model: str
) -> None:
    await check(world, simulator, model)


async def test_what_makes_no_difference_is_named_also_for_a_job_that_was_there(
    world: World, simulator: SimulatorHandle
) -> None:
    photo = world.photo("mug.png", width=96, height=64)
    wish = {"image": str(photo), "model": "segmind/segmind-relighting", "light_from": "left"}
    async with served(settings_of(world, simulator)) as client:
        first = await ended(client, (await start(client, **wish))["job_id"])
        assert not first.get("warnings")
        again = await start(client, **wish, strength=0.5, seed=3, prompt="soft")
        assert again["job_id"] == first["job_id"]
        words = "strength, prompt, seed make no difference: segmind/segmind-relighting ignores it."
        assert words in again["warnings"]
        local = {"image": str(photo), "look": "neon"}
        first = await start(client, **local, wait_s=45)
        again = await start(client, **local, seed=3)
        assert again["job_id"] == first["job_id"]
        assert "seed makes no difference: local/classic ignores it." in again["warnings"]


async def test_a_cap_below_the_price_is_for_what_is_still_to_be_paid(
    world: World, simulator: SimulatorHandle
) -> None:
    photo = world.photo("mug.png", width=96, height=64)
    wish = {"image": str(photo), "model": NOW, "light_from": "left", "max_cost_usd": 0.001}
    async with served(settings_of(world, simulator)) as client:
        refused = await client.call_tool("relight_image", wish)
        assert refusal_of(refused)["code"] == "budget_exceeded"
        first = await start(client, **wish | {"max_cost_usd": None})
        assert (await start(client, **wish))["job_id"] == first["job_id"]


async def test_a_job_that_failed_does_not_answer_for_the_same_call(
    world: World, simulator: SimulatorHandle
) -> None:
    photo = world.photo("mug.png", width=96, height=64)
    wish = {"image": str(photo), "model": NOW, "light_from": "left"}
    simulator.fault("segmind", "submit", "key_echo_401")
    async with served(settings_of(world, simulator)) as client:
        first = await ended(client, (await start(client, **wish))["job_id"])
        assert first["status"] == "failed"
        second = await ended(client, (await start(client, **wish, strength=0.5))["job_id"])
    assert second["job_id"] != first["job_id"]
    assert second["status"] == "succeeded"
