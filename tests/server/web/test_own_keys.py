"""Owners with keys of their own: their jobs go by those, and nobody gets to see one."""

import logging
import re
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.types import ElicitResult
from pydantic import SecretStr

from mcp_relight.domain.owner_keys import KeyLimits
from mcp_relight.simulator.app import running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from tests.flows.rig import Paid, facts_of, refusal_of, remote_environment, upload
from tests.jobs.fakes import new_job
from tests.matrix import some_now
from tests.server.web.farm import ended
from tests.server.web.site import ORIGIN, visiting
from tests.server.web.team import Team, team
from tests.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("brisk")]

RING, OTHER_RING = "a1" * 32, "b2" * 32
OWN = "pd_sentinel_own_0001"
MODEL = "pixeldojo/image-relighting"


@pytest.fixture
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator(polls=0, speed=1000) as handle:
        handle.open_account("pixeldojo", OWN, 50.0)
        yield handle


@asynccontextmanager
async def site(
    world: World, simulator: SimulatorHandle, *, ring: str | None = RING, shared: bool = True
) -> AsyncGenerator[Team]:
    variables = remote_environment(simulator)
    if not shared:
        del variables["PIXELDOJO_API_KEY"]
    private = frozenset({simulator.host_and_port})
    async with team(
        world,
        None,
        worker="inline",
        key_ring=ring,
        allow_private_hosts=private,
        variables=variables,
    ) as started:
        yield started


async def relit(team: Team, owner: str, image: str, **more: Any) -> dict[str, Any]:
    wanted = {"image": image, "model": MODEL, "light_from": "left", "max_cost_usd": 1, **more}
    async with team.client(await team.token(owner)) as client:
        told = await client.call_tool("relight_image", {**wanted, "wait_s": 0})
        if told.is_error:
            return {"status": "refused", "words": str(told.content)}
        assert told.structured_content is not None
        job = told.structured_content
        with anyio.fail_after(120):
            while job["status"] in {"queued", "running"}:
                wait = {"job_id": job["job_id"], "wait_s": 10}
                job = (await client.call_tool("get_job", wait)).structured_content
                assert job is not None
        return job


async def page_of(team: Team, owner: str) -> dict[str, Any]:
    async with team.client(await team.token(owner)) as client:
        return facts_of(await client.call_tool("list_jobs", {}))


def rows_of(world: World) -> bytes:
    return b"".join(one.read_bytes() for one in Path(world.data).glob("jobs.db*"))


def lanes_of(world: World) -> set[str]:
    with sqlite3.connect(world.data / "jobs.db") as database:
        return {name for (name,) in database.execute("SELECT name FROM gates")}


async def test_each_pays_by_their_own_key_and_waits_in_its_lane(
    world: World, simulator: SimulatorHandle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    image = upload(simulator, world.photo("mug.jpg", width=96, height=64))
    async with site(world, simulator) as here:
        await here.application.own_keys.put("acme", "pixeldojo", SecretStr(f" {OWN}\n"))
        done = [await relit(here, owner, image) for owner in ("acme", "bob", "carl")]
        assert [job["status"] for job in done] == ["succeeded"] * 3, done
        kept = await here.application.own_keys.list()
        lanes = lanes_of(world)
    charged = [charge["key"] for charge in Paid.by(simulator).ledger["charges"]]
    assert charged == [OWN, simulator.keys["pixeldojo"], simulator.keys["pixeldojo"]]
    (own,) = kept
    assert (own.owner, own.provider, own.problem) == ("acme", "pixeldojo", "")
    assert len(lanes) == 2  # acme's, and one for the two who share
    assert len([lane for lane in lanes if lane.startswith(own.name)]) == 1
    assert OWN.encode() not in rows_of(world)
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("mcp_relight")]
    assert not [line for line in [*ours, *map(str, done), repr(kept)] if OWN in line]


async def test_a_key_is_used_as_often_as_was_said_of_it(
    world: World, simulator: SimulatorHandle
) -> None:
    async with site(world, simulator) as here:
        keys = here.application.own_keys
        await keys.put("acme", "pixeldojo", SecretStr(OWN))
        job = new_job(owner="acme", provider="pixeldojo", credential_id="own.any")
        before = (await keys.of(job)).rate.per_minute
        assert await keys.limit("acme", "pixeldojo", KeyLimits(per_minute=7.0))
        assert before != (await keys.of(job)).rate.per_minute == 7.0
        assert await keys.limit("acme", "pixeldojo", KeyLimits(daily_budget_usd=0.001))
        assert (await keys.of(job)).rate.per_minute == before
        image = upload(simulator, world.photo("mug.jpg", width=96, height=64))
        refused = await relit(here, "acme", image)
        assert refused["error"]["code"] == "budget_exceeded", refused
        assert (await page_of(here, "acme"))["own_keys_left_usd"] == {"pixeldojo": 0.001}
        assert "own_keys_left_usd" not in await page_of(here, "bob")
    assert Paid.by(simulator).submits == []


async def test_one_who_brought_a_key_needs_no_shared_one(
    world: World, simulator: SimulatorHandle
) -> None:
    image = upload(simulator, world.photo("mug.jpg", width=96, height=64))
    async with site(world, simulator, shared=False) as here:
        await here.application.own_keys.put("acme", "pixeldojo", SecretStr(OWN))
        assert (await relit(here, "acme", image))["status"] == "succeeded"
        refused = await relit(here, "bob", image)
        assert "model_not_ready" in refused["words"] or "not ready" in refused["words"]


@pytest.mark.parametrize("ring", some_now([OTHER_RING, None]))
async def test_a_key_that_does_not_open_is_never_replaced_by_the_shared_one(
    world: World, simulator: SimulatorHandle, ring: str | None
) -> None:
    image = upload(simulator, world.photo("mug.jpg", width=96, height=64))
    async with site(world, simulator) as here:
        await here.application.own_keys.put("acme", "pixeldojo", SecretStr(OWN))
    async with site(world, simulator, ring=ring) as here:
        refused = await relit(here, "acme", image)
        assert "MCP_RELIGHT_KEY_RING" in refused["words"]
        assert OWN not in refused["words"]
        assert (await relit(here, "bob", image))["status"] == "succeeded"
        (kept,) = await here.application.own_keys.list()
        assert "MCP_RELIGHT_KEY_RING" in kept.problem
    async with site(world, simulator, ring=f"{OTHER_RING},{RING}") as here:
        assert await here.application.own_keys.reseal() == 1
    async with site(world, simulator, ring=OTHER_RING) as here:
        assert (await relit(here, "acme", image))["status"] == "succeeded"
    assert len(Paid.by(simulator).submits) == 2


async def test_a_removed_key_is_no_ones_any_more(world: World, simulator: SimulatorHandle) -> None:
    image = upload(simulator, world.photo("mug.jpg", width=96, height=64))
    async with site(world, simulator) as here:
        await here.application.own_keys.put("acme", "pixeldojo", SecretStr(OWN))
        assert await here.application.own_keys.remove("acme", "pixeldojo")
        assert not await here.application.own_keys.remove("acme", "pixeldojo")
        assert (await relit(here, "acme", image))["status"] == "succeeded"
    charged = [charge["key"] for charge in Paid.by(simulator).ledger["charges"]]
    assert charged == [simulator.keys["pixeldojo"]]


async def test_an_owner_enters_a_key_on_a_page_that_is_theirs_alone(
    world: World, simulator: SimulatorHandle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    image = upload(simulator, world.photo("mug.jpg", width=96, height=64))
    async with site(world, simulator, shared=False) as here, visiting(here.app) as person:
        refused = await relit(here, "acme", image)
        found = re.search(ORIGIN + r"(/keys/[A-Za-z0-9_-]{43})", refused["words"])
        assert found is not None, refused
        page = await person.get(found[1])
        assert page.status_code == 200
        assert "Enter your key for pixeldojo" in page.text
        assert "unsafe" not in page.headers["content-security-policy"]
        assert "{provider}" not in page.text

        async def entered(key: str, owner: str, *scopes: str) -> int:
            headers = {"authorization": f"Bearer {await here.token(owner, *scopes)}"}
            return (await person.put(found[1], content=key, headers=headers)).status_code

        assert (await person.put(found[1], content=OWN)).status_code == 401
        assert await entered(OWN, "evil") == 404
        assert await entered(OWN, "acme", "relight:free") == 403
        assert await entered("no key", "acme") == 422
        assert await entered("x" * 5000, "acme") == 413
        assert await here.application.own_keys.list() == ()
        assert await entered(OWN, "acme") == 201
        assert await entered(OWN, "acme") == 404
        assert (await person.get(found[1])).status_code == 404
        assert (await relit(here, "acme", image))["status"] == "succeeded"
        assert "/keys/" in (await relit(here, "bob", image))["words"]
        text = found[1].rpartition("/")[2]
        assert text.encode() not in rows_of(world)
        assert OWN.encode() not in rows_of(world)
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("mcp_relight")]
    assert any("PUT /keys/{token} 201" in line for line in ours)
    assert not [line for line in ours if OWN in line or text in line]


async def test_a_client_that_opens_addresses_is_asked_to_and_calls_again(
    world: World, simulator: SimulatorHandle
) -> None:
    image = upload(simulator, world.photo("mug.jpg", width=96, height=64))
    wanted = {"image": image, "model": MODEL, "light_from": "left", "max_cost_usd": 1, "wait_s": 0}
    async with site(world, simulator, shared=False) as here, visiting(here.app) as web:
        token = await here.token("acme")
        asked: list[Any] = []
        answers = [ElicitResult(action="decline"), *[ElicitResult(action="accept")] * 2]

        async def person(context: Any, params: Any) -> ElicitResult:
            asked.append(params)
            if len(asked) == len(answers):
                headers = {"authorization": f"Bearer {token}"}
                entered = await web.put(params.url, content=OWN, headers=headers)
                assert entered.status_code == 201
            return answers[len(asked) - 1]

        async with here.client(token, elicitation_callback=person) as client:
            declined = refusal_of(await client.call_tool("relight_image", wanted))
            assert "do not ask again" in declined["hint"]
            away = refusal_of(await client.call_tool("relight_image", wanted))
            assert asked[-1].url in away["hint"]  # the page it opened, and no further one
            job = facts_of(await client.call_tool("relight_image", wanted))
            assert (await ended(client, job["job_id"]))["status"] == "succeeded"
        assert [one.mode for one in asked] == ["url"] * len(answers)
        assert len({one.url for one in asked}) == len(answers)
        assert all(one.url.startswith(f"{ORIGIN}/keys/") for one in asked)
        assert all("pixeldojo" in one.message for one in asked)
        async with here.client(token, mode="legacy", elicitation_callback=person) as client:
            assert not (await client.call_tool("relight_image", wanted)).is_error
    charged = [charge["key"] for charge in Paid.by(simulator).ledger["charges"]]
    assert charged == [OWN]


async def test_an_older_client_is_told_the_address_in_words(
    world: World, simulator: SimulatorHandle
) -> None:
    async def person(context: Any, params: Any) -> ElicitResult:
        raise AssertionError("asked where no answer can come back")

    image = upload(simulator, world.photo("mug.jpg", width=96, height=64))
    async with site(world, simulator, shared=False) as here:
        token = await here.token("acme")
        async with here.client(token, mode="legacy", elicitation_callback=person) as client:
            wanted = {"image": image, "model": MODEL, "light_from": "left"}
            refused = refusal_of(await client.call_tool("relight_image", wanted))
    assert f"{ORIGIN}/keys/" in refused["hint"]


async def test_what_no_key_looks_like_is_refused(world: World, simulator: SimulatorHandle) -> None:
    async with site(world, simulator) as here:
        for bad in ("", "  ", "pd_a\nb", "pd_ä", "pd a", "x" * 2000):
            with pytest.raises(Exception, match="The key holds"):
                await here.application.own_keys.put("acme", "pixeldojo", SecretStr(bad))
        assert await here.application.own_keys.list() == ()
