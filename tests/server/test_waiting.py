"""Waiting for a job: told how far it is, and given up without harm to the job."""

from typing import Any

import anyio
import pytest
from mcp import Client, MCPError

from mcp_relight.bootstrap import Application
from mcp_relight.domain.library import Library, Listed, Taken
from mcp_relight.server.app import create_server
from mcp_relight.simulator.control import SimulatorHandle
from tests.flows.rig import Paid, ended, look, start
from tests.quiet_time import quiet_s
from tests.server.conftest import Connect
from tests.server.test_refusals import settings_of
from tests.world import World

pytestmark = pytest.mark.anyio

PAID = "segmind/ic-light"
TAKES_S = 3.0


async def test_giving_up_the_wait_leaves_the_job_alone(
    connect: Connect, mode: Any, world: World, simulator: SimulatorHandle
) -> None:
    simulator.settings(polls=100_000)
    photo = str(world.photo("mug.jpg", width=96, height=64))
    async with connect(mode) as client:
        job = await start(client, image=photo, model=PAID, light_from="left", max_cost_usd=1.0)
        with pytest.raises(MCPError):
            await client.call_tool(
                "get_job", {"job_id": job["job_id"], "wait_s": 45}, read_timeout_seconds=0.5
            )
        assert (await look(client, job["job_id"]))["status"] in {"queued", "running"}
        simulator.settings(polls=1)
        assert (await ended(client, job["job_id"]))["status"] == "succeeded"
    assert len(Paid.by(simulator).charges) == 1


class SlowDisk:
    """A library of pictures on a network folder."""

    takes_s = 0.0

    def __init__(self, library: Library) -> None:
        self._library = library

    async def take(self, reference: str) -> Taken:
        await anyio.sleep(self.takes_s)
        return await self._library.take(reference)

    async def several(self, reference: str) -> tuple[Listed, ...] | None:
        return await self._library.several(reference)


async def test_taking_a_picture_in_is_part_of_the_wait(world: World) -> None:
    photo = str(world.photo("mug.jpg", width=96, height=64))
    application = Application(settings_of(world))  # nobody works: every wait is a whole one
    application._parts.library = disk = SlowDisk(application._parts.library)
    async with Client(create_server(application)) as client:
        await client.call_tool("relight_image", {"image": photo, "look": "split", "wait_s": 0})
        disk.takes_s = TAKES_S  # now that everything is started
        started = quiet_s()
        result = await client.call_tool(
            "relight_image", {"image": photo, "look": "loop", "wait_s": TAKES_S}
        )
        took_s = quiet_s() - started
    assert (result.structured_content or {})["status"] == "queued"
    assert took_s < 2 * TAKES_S
