"""A set of many photos: server and worker are killed in the middle, and all of it is done, once."""

from pathlib import Path

import anyio
import pytest
from mcp import Client

from tests.flows.rig import Facts, facts_of
from tests.world import World

from .rig import doomed, kill, needs_proc, nothing_left, rows, servers, stdio, until, workers

pytestmark = [pytest.mark.anyio, needs_proc]


def photos(world: World, count: int) -> None:
    for number in range(count):
        world.photo(f"mug{number}.jpg", width=160 + number, height=120)


async def over(client: Client, set_id: str, *, within_s: float) -> Facts:
    with anyio.fail_after(within_s):
        while True:
            wish = {"job_id": set_id, "wait_s": 5}
            found = facts_of(await client.call_tool("get_job", wish))
            if found["done"] == found["pictures"]:
                return found


@pytest.mark.long
@pytest.mark.parametrize("count", [12, pytest.param(50, marks=pytest.mark.full)])
async def test_a_set_survives_the_kill_of_server_and_worker(world: World, count: int) -> None:
    photos(world, count)
    with nothing_left(world):
        async with doomed(stdio(world, mark="first")) as client:
            wish = {"image": str(world.photos), "look": "golden_hour", "wait_s": 0}
            made = facts_of(await client.call_tool("relight_image", wish))
            await until(lambda: any(row["stage"] == "succeeded" for row in rows(world)))
            kill(*servers(world, "first"), *workers(world))
        async with Client(stdio(world)) as client:
            found = await over(client, made["set_id"], within_s=60 + 20 * count)
            again = facts_of(await client.call_tool("relight_image", wish))
    assert (found["status"], found["failed"]) == ("succeeded", 0)
    assert again["set_id"] == made["set_id"]
    assert len(rows(world)) == count
    paths = {Path(line["path"]).name for line in found["items"]}
    assert len(paths) == count
    assert {path.name for path in world.results.iterdir() if path.is_file()} == paths
