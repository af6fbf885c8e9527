"""Providers call back: the true call, forged ones, storms, and every wrong moment."""

import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from mcp_relight.domain import capability
from mcp_relight.providers.kit.adapter import Pace
from mcp_relight.providers.pixazo import Pixazo
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.simulator.app import running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from tests.flows.rig import Paid, remote_environment, upload
from tests.matrix import some_now
from tests.server.web.listening import a_port
from tests.server.web.site import ORIGIN, raw, visiting
from tests.server.web.team import Team, team
from tests.world import World

pytestmark = pytest.mark.anyio

LIES = {"status": "failed", "jobId": "job_0", "output": {"images": ["http://10.0.0.1/evil.png"]}}
PIXELDOJO, PIXAZO = "pixeldojo/image-relighting", "pixazo/pixelforge-relighting"


async def until(is_so: Callable[[], bool], *, within_s: float = 60.0) -> None:
    """What the simulated world tells only to those who ask."""
    with anyio.fail_after(within_s):
        while not is_so():  # noqa: ASYNC110 - it is another process's news
            await anyio.sleep(0.02)


@pytest.fixture
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator() as handle:
        yield handle


@dataclass
class Site:
    """A server that the simulated providers can call, with a worker in it."""

    team: Team
    world: World
    simulator: SimulatorHandle
    url: str
    settings: dict[str, Any]

    @property
    def hooks(self) -> list[dict[str, Any]]:
        return self.simulator.ledger()["hooks"]

    @property
    def answered(self) -> list[int]:
        return [call["status"] for call in self.simulator.ledger()["calls"]]

    def polls(self, provider: str) -> int:
        return self.simulator.ledger()["requests"].get(provider, {}).get("poll", 0)

    def uploaded(self) -> str:
        return upload(self.simulator, self.world.photo("mug.jpg", width=96, height=64))

    async def start(self, model: str, **more: Any) -> str:
        image = more.get("image") or self.uploaded()
        wanted = {"image": image, "model": model, "light_from": "left", "max_cost_usd": 1}
        async with self.team.client(await self.team.token()) as client:
            told = await client.call_tool("relight_image", {**wanted, "wait_s": 0, **more})
        assert told.structured_content is not None, told.content
        return str(told.structured_content["job_id"])

    async def ended(self, job_id: str) -> dict[str, Any]:
        async with self.team.client(await self.team.token()) as client:
            with anyio.fail_after(60):
                while True:
                    found = await client.call_tool("get_job", {"job_id": job_id, "wait_s": 10})
                    assert found.structured_content is not None
                    if found.structured_content["status"] not in {"queued", "running"}:
                        return found.structured_content

    async def hook_of(self) -> str:
        """The path of the one address that was given out."""
        await until(lambda: bool(self.hooks))
        return str(self.hooks[0]["url"]).removeprefix(self.url)


@asynccontextmanager
async def site(world: World, simulator: SimulatorHandle, **changes: Any) -> AsyncGenerator[Site]:
    variables = remote_environment(simulator)
    async with a_port() as port:
        settings: dict[str, Any] = {
            "worker": "inline",
            "callback_url": port.url,
            "allow_private_hosts": frozenset({simulator.host_and_port}),
            "variables": variables,
            **changes,
        }
        async with team(world, None, **settings) as started:
            port.app = started.app
            yield Site(started, world, simulator, port.url, settings)


@pytest.fixture
def nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No job is asked about again by itself within a test."""
    for adapter in (PixelDojo, Pixazo):
        monkeypatch.setattr(adapter, "pace", Pace(600.0, 600.0))


@pytest.mark.usefixtures("nobody_asks")
@pytest.mark.parametrize(
    ("model", "speed"), some_now([(PIXAZO, 444.0), (PIXELDOJO, 16.0)], rows=True)
)
async def test_a_call_is_followed_by_one_question_that_finds_the_result(
    world: World, simulator: SimulatorHandle, model: str, speed: float
) -> None:
    provider = model.partition("/")[0]
    simulator.settings(speed=speed)  # a quarter of a second
    async with site(world, simulator) as here:
        job_id = await here.start(model)
        job = await here.ended(job_id)
        assert job["status"] == "succeeded", job
        assert here.answered == [204]
        assert here.polls(provider) == 1


@pytest.mark.parametrize("forgeries", some_now([100, 1000]))
async def test_a_storm_is_a_question_a_second_and_changes_nothing(
    world: World, simulator: SimulatorHandle, forgeries: int
) -> None:
    simulator.settings(webhooks=[], speed=0.1)
    async with site(world, simulator) as here:
        job_id = await here.start(PIXELDOJO)  # takes forty seconds
        path = await here.hook_of()
        began, refusals = time.monotonic(), Counter[int]()
        async with httpx2.AsyncClient(base_url=here.url, trust_env=False, timeout=60) as anybody:

            async def forged(times: int) -> None:
                for _ in range(times):
                    answer = await anybody.post(f"/hooks/{capability.new_text()}", json=LIES)
                    refusals[answer.status_code] += 1

            async def repeated(times: int) -> None:
                for _ in range(times):
                    answer = await anybody.post(path, json=LIES)
                    # From the same place as the storm: it may have to wait, and is not missed.
                    assert answer.status_code in {204, 429}

            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(forged, forgeries // 10)
                    tasks.start_soon(repeated, 10)
        polls, took_s = here.polls("pixeldojo"), time.monotonic() - began
        assert refusals.total() == forgeries
        assert refusals.keys() <= {404, 429}
        assert refusals[404] <= 100 + took_s + 10  # ten at a time, looked up side by side
        simulator.advance_clock(60)
        job = await here.ended(job_id)
        assert job["status"] == "succeeded"
        assert polls <= took_s + 1
        assert len(Paid.by(simulator).submits) == 1
        assert len(job["images"]) == 1


async def test_too_early_repeated_and_too_late_end_alike(
    world: World, simulator: SimulatorHandle
) -> None:
    simulator.settings(speed=8.0, webhooks=["early", "end", "again"])
    async with site(world, simulator) as here:
        job_id = await here.start(PIXELDOJO)
        job = await here.ended(job_id)
        assert job["status"] == "succeeded"
        await until(lambda: len(here.answered) >= 3)
        assert here.answered == [204, 204, 204]
        polls = here.polls("pixeldojo")
        path = await here.hook_of()
        async with visiting(here.team.app) as anybody:
            for _ in range(20):
                assert (await anybody.post(path, json=LIES)).status_code == 204
        assert (await here.ended(job_id)) | {"images": []} == job | {"images": []}
        assert here.polls("pixeldojo") == polls
        assert len(Paid.by(simulator).submits) == 1


@pytest.mark.long
async def test_a_call_that_never_comes_is_not_missed(
    world: World, simulator: SimulatorHandle
) -> None:
    simulator.settings(speed=8.0, webhooks=[])
    async with site(world, simulator) as here:
        job_id = await here.start(PIXELDOJO)
        assert (await here.ended(job_id))["status"] == "succeeded"
        assert here.answered == []


@pytest.mark.usefixtures("nobody_asks")
async def test_the_call_may_come_to_another_server(
    world: World, simulator: SimulatorHandle
) -> None:
    simulator.settings(speed=1e6, webhooks=[])  # done before anybody can ask
    async with site(world, simulator) as here:
        job_id = await here.start(PIXAZO)
        path = await here.hook_of()
        async with (
            team(world, None, **here.settings | {"worker": "none"}) as other,
            visiting(other.app) as provider,
        ):
            await until(lambda: bool(Paid.by(simulator).submits))
            assert here.polls("pixazo") == 0
            # Too early is as good as never: the ticket is written down after the provider's answer.
            with anyio.fail_after(60):
                while here.polls("pixazo") == 0:
                    assert (await provider.post(path)).status_code == 204
                    await anyio.sleep(0.02)
        assert (await here.ended(job_id))["status"] == "succeeded"


async def test_the_address_is_behind_the_guard(
    world: World, simulator: SimulatorHandle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    simulator.settings(webhooks=[])
    async with site(world, simulator) as here:
        await here.start(PIXELDOJO)
        path = await here.hook_of()
        text = path.rpartition("/")[2]
        async with visiting(here.team.app) as anybody:
            assert (await anybody.get(path)).status_code == 405
            assert (await anybody.post(path, content=b"x" * 1_000_000)).status_code == 413
            evil = await anybody.post(path, headers={"host": "evil.test"})
            page = await anybody.post(path, headers={"origin": "https://evil.test"})
            assert (evil.status_code, page.status_code) == (421, 403)
            for other in ("x", text[:-1], text + "x", "%00" * 43):
                assert (await anybody.post(f"/hooks/{other}")).status_code == 404
        said = {"content-type": "application/octet-stream"}
        status, taken = await raw(here.team.app, path, [b"x" * 30_000] * 9, headers=said)
        assert (status, taken) == (413, 3)
        unread = await raw(here.team.app, f"/hooks/{capability.new_text()}", [b"x"] * 3)
        assert unread == (404, 0)
        kept = b"".join(one.read_bytes() for one in Path(world.data).glob("jobs.db*"))
        assert text.encode() not in kept
        assert capability.hash_of(text).encode() in kept
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("mcp_relight")]
    assert any("POST /hooks/{token} 413" in line for line in ours)
    assert not [line for line in ours if text in line]


@pytest.mark.long
async def test_nobody_is_told_an_address_that_providers_cannot_reach(
    world: World, simulator: SimulatorHandle
) -> None:
    simulator.settings(speed=8.0)
    async with site(world, simulator, callback_url="off") as here:
        job_id = await here.start(PIXELDOJO)
        assert (await here.ended(job_id))["status"] == "succeeded"
        assert here.hooks == []
        async with visiting(here.team.app) as anybody:
            answer = await anybody.post(f"/hooks/{capability.new_text()}")
        assert answer.json()["error"] == "not_found"
        assert f"{ORIGIN}" not in str(Paid.by(simulator).submits)


async def test_where_providers_reach_us_is_public_and_https() -> None:
    from mcp_relight.config import Settings
    from mcp_relight.errors import InvalidArgument

    public: dict[str, Any] = {"public_url": "https://relight.example.com", "accounts": True}
    assert Settings.load(**public).reached_at == "https://relight.example.com"
    assert Settings.load(**dict(public, accounts=False)).reached_at is None
    assert Settings.load(**dict(public, public_url="http://relight.lan")).reached_at is None
    assert Settings.load(**public, callback_url="off").reached_at is None
    own = Settings.load(**public, callback_url="https://hooks.example.com/")
    assert own.reached_at == "https://hooks.example.com"
    for bad in ("http://hooks.example.com", "hooks", "https://a:b@hooks.example.com"):
        with pytest.raises(InvalidArgument, match="MCP_RELIGHT_CALLBACK_URL"):
            Settings.load(callback_url=bad)
