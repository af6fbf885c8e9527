"""Waiting for a job: told how far it is, and given up without harm to the job."""

from typing import Any

import pytest
from mcp import MCPError

from mcp_relight.simulator.handle import SimulatorHandle
from tests.flows.rig import Paid, ended, look, start
from tests.server.conftest import Connect
from tests.world import World

pytestmark = pytest.mark.anyio

PAID = "segmind/ic-light"


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
