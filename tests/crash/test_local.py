"""Processes are killed at the worst moments; the picture comes all the same, once."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from mcp import Client
from PIL import Image

from mcp_relight.simulator.app import running_simulator
from tests.flows.rig import Paid, ended, look, remote_environment, start
from tests.matrix import some_now
from tests.quiet_time import quiet_s
from tests.world import World

from .rig import (
    children,
    doomed,
    is_running,
    kill,
    needs_proc,
    nothing_left,
    rows,
    servers,
    stdio,
    until,
    wait_until,
    workers,
)

pytestmark = [pytest.mark.anyio, needs_proc]

END_WITHIN_S, GIVEN_UP_S = 10.0, 60.0


@pytest.fixture(autouse=True)
def clean(world: World) -> Iterator[None]:
    with nothing_left(world):
        yield


@pytest.fixture
def large_photo(world: World) -> Path:
    return world.photo("large.jpg", width=4000, height=3000)


def only_picture(world: World) -> Image.Image:
    (path,) = [path for path in world.results.iterdir() if path.is_file()]
    picture = Image.open(path)
    picture.load()
    return picture


@pytest.mark.long
async def test_a_server_killed_after_a_second_loses_no_picture(
    world: World, large_photo: Path
) -> None:
    async with doomed(stdio(world, mark="first")) as client:
        job = await start(client, image=str(large_photo), look="golden_hour")
        await anyio.sleep(1)
        kill(*servers(world, "first"))
    async with Client(stdio(world)) as client:
        job = await ended(client, job["job_id"], within_s=120)
    assert job["status"] == "succeeded"
    assert only_picture(world).size == (4000, 3000)


@pytest.mark.long
async def test_a_worker_killed_in_the_middle_is_replaced_and_the_job_done_once(
    world: World, large_photo: Path
) -> None:
    async with Client(stdio(world)) as client:
        job = await start(client, image=str(large_photo), look="golden_hour")
        await until(lambda: [row["stage"] for row in rows(world)] == ["running"])
        kill(*workers(world))
        job = await ended(client, job["job_id"], within_s=120)
    assert job["status"] == "succeeded"
    assert only_picture(world).size == (4000, 3000)
    assert len(rows(world)) == 1


@pytest.mark.long
async def test_a_worker_killed_while_somebody_waits_is_replaced_without_another_call(
    world: World, large_photo: Path
) -> None:
    async with Client(stdio(world)) as client, anyio.create_task_group() as tasks:
        job = await start(client, image=str(large_photo), look="golden_hour")

        async def kill_it() -> None:
            await until(lambda: [row["stage"] for row in rows(world)] == ["running"])
            kill(*workers(world))

        tasks.start_soon(kill_it)
        job = await look(client, job["job_id"], wait_s=45)
    assert job["status"] == "succeeded"


@pytest.mark.long
async def test_three_servers_with_the_same_keys_share_one_worker(world: World) -> None:
    photos = [world.photo(f"mug{index}.jpg", width=200 + index) for index in range(3)]
    async with (
        Client(stdio(world)) as first,
        Client(stdio(world)) as second,
        Client(stdio(world)) as third,
        anyio.create_task_group() as tasks,
    ):
        for client, photo in zip((first, second, third), photos, strict=True):
            tasks.start_soon(_relight, client, photo)
    assert len({row["worker"] for row in rows(world)}) == 1
    assert {row["stage"] for row in rows(world)} == {"succeeded"}
    assert len(list(world.results.iterdir())) == 3


async def _relight(client: Client, photo: Path) -> None:
    job = await start(client, image=str(photo), look="golden_hour")
    assert (await ended(client, job["job_id"]))["status"] == "succeeded"


@pytest.mark.long
async def test_a_job_is_done_by_a_worker_that_holds_its_key(world: World) -> None:
    photos = [world.photo(f"mug{index}.jpg", width=96 + index, height=64) for index in range(4)]
    with running_simulator(polls=1) as simulator:
        other_key = "SG_00000000000other"
        simulator.open_account("segmind", other_key, 100.0)
        one = remote_environment(simulator, "segmind")
        other = one | {"SEGMIND_API_KEY": other_key}
        async with Client(stdio(world, **one)) as first, Client(stdio(world, **other)) as second:
            jobs = [
                (client, await start(client, image=str(photo), **arguments))
                for photo, client in zip(photos, (first, second, first, second), strict=True)
                for arguments in [{"model": "segmind/ic-light", "light_from": "left"}]
            ]
            for client, job in jobs:
                assert (await ended(client, job["job_id"]))["status"] == "succeeded"
        paid = Paid.by(simulator)
    charged = Counter(charge["key"] for charge in paid.charges)
    assert charged == {simulator.keys["segmind"]: 2, other_key: 2}
    assert len(paid.submits) == 4
    by_key: dict[str, set[str]] = {}
    for row in rows(world):
        by_key.setdefault(row["credential_id"], set()).add(row["worker"])
    assert [len(found) for found in by_key.values()] == [1, 1]
    assert not set.intersection(*by_key.values())


async def test_a_worker_inside_the_server_needs_no_other_process(world: World) -> None:
    photo = world.photo("mug.jpg")
    async with Client(stdio(world, MCP_RELIGHT_WORKER="inline")) as client:
        job = await start(client, image=str(photo), look="golden_hour")
        assert (await ended(client, job["job_id"]))["status"] == "succeeded"
        assert workers(world) == []


@pytest.mark.parametrize("how", some_now(["end of input", "SIGTERM"]))
@pytest.mark.parametrize("busy", [False, pytest.param(True, marks=pytest.mark.long)])
@pytest.mark.parametrize("worker", ["none", pytest.param("inline", marks=pytest.mark.long)])
def test_a_server_ends_soon_and_takes_its_child_with_it(
    world: World, how: str, busy: bool, worker: str
) -> None:
    if busy:
        world.photo("large.jpg", width=4000, height=3000)
    server = subprocess.Popen(
        [sys.executable, "-P", "-m", "mcp_relight", "serve"],
        env=world.environment | {"MCP_RELIGHT_WORKER": worker},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    _say(server, "initialize", 1, _HELLO)
    assert json.loads(server.stdout.readline())["id"] == 1
    pixels: list[int] = []
    if busy:
        arguments = {"image": str(world.photos / "large.jpg"), "look": "golden_hour"}
        _say(server, "tools/call", 2, {"name": "relight_image", "arguments": arguments})
        pixels = _until_child(server)
    started = quiet_s()
    if how == "SIGTERM":
        server.send_signal(signal.SIGTERM)
    else:
        server.stdin.close()
    try:
        server.wait(GIVEN_UP_S)
    finally:
        server.kill()
    assert quiet_s() - started < END_WITHIN_S
    server.stdout.close()
    # A child in the middle of a picture finds out when it is done with it.
    wait_until(lambda: not any(map(is_running, pixels)), within_s=GIVEN_UP_S)


_HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def _say(server: "subprocess.Popen[str]", method: str, number: int, params: object) -> None:
    assert server.stdin is not None
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    server.stdin.write(json.dumps(message) + "\n")
    if method == "initialize":
        server.stdin.write('{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
    server.stdin.flush()


def _until_child(server: "subprocess.Popen[str]") -> list[int]:
    wait_until(lambda: children(server.pid) != [])
    time.sleep(0.5)  # into the decoding: any moment will do
    return children(server.pid)
