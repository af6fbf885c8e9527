"""Many jobs at once: the provider's limit holds across processes, memory stays small."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
import uvicorn
from mcp import Client
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_relight.simulator.app import create_app, running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from mcp_relight.simulator.state import new_simulation
from tests.flows.rig import Paid, remote_environment, start, upload
from tests.world import World

from .rig import kill, needs_proc, nothing_left, processes, rows, stdio, until, workers

pytestmark = [pytest.mark.anyio, pytest.mark.long, needs_proc]

MODEL = "pixeldojo/image-relighting"
PER_MINUTE = 60
MAX_WORKER_BYTES = 200_000_000
SMALL = {
    "model": MODEL,
    "light_from": "left",
    "finish": "as-returned",
    # The smallest picture this model returns: drawing them takes the simulator long enough.
    "params": '{"width": 256, "height": 256}',
}
NEVER_DONE = 1_000_000
"""Polls; no test asks so often."""


class Timed:
    """An application, and when each request for one provider came in."""

    def __init__(self, app: ASGIApp, provider: str) -> None:
        self._app = app
        self._path = f"/{provider}/"
        self.at: list[float] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self._path):
            self.at.append(time.monotonic())
        await self._app(scope, receive, send)

    def most_within(self, seconds: float) -> int:
        """The largest number of requests in any window of that length."""
        return max(sum(first <= at < first + seconds for at in self.at) for first in self.at)


@contextmanager
def timed_simulator() -> Iterator[tuple[SimulatorHandle, Timed]]:
    app = Timed(create_app(new_simulation(polls=1, speed=1000)), "pixeldojo")
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield SimulatorHandle(f"http://127.0.0.1:{port}"), app
    finally:
        server.should_exit = True
        thread.join()


async def test_three_processes_never_ask_more_than_a_provider_allows(
    world: World, request: pytest.FixtureRequest
) -> None:
    """A hundred jobs wait, submits and polls alike pass one gate."""
    if not request.config.getoption("--full"):
        pytest.skip("takes a minute and a half: runs with --full")
    photo = world.photo("mug.png", width=64, height=64)
    with timed_simulator() as (simulator, requests):
        url = upload(simulator, photo)
        common = remote_environment(simulator, "pixeldojo") | {"MCP_RELIGHT_PIXELDOJO_RPM": "50"}
        # Another key of another provider each: three workers, all with the key of this one.
        each = [common | {"SEGMIND_API_KEY": f"SG_other{index}"} for index in range(3)]
        async with (
            Client(stdio(world, **each[0])) as first,
            Client(stdio(world, **each[1])) as second,
            Client(stdio(world, **each[2])) as third,
        ):
            for seed in range(102):
                client = (first, second, third)[seed % 3]
                await start(client, image=url, model=MODEL, light_from="left", seed=seed)
            await anyio.sleep(90 - (time.monotonic() - requests.at[0]))
            assert len(workers(world)) == 3
        kill(*processes(world))
        most = requests.most_within(60)
        assert 40 <= most <= PER_MINUTE
        assert len({row["worker"] for row in rows(world)} - {None}) == 3


async def test_many_jobs_in_flight_all_finish_in_little_memory(
    world: World, request: pytest.FixtureRequest
) -> None:
    """The provider holds every result back until it has all the jobs."""
    count = 1000 if request.config.getoption("--full") else 150
    photo = world.photo("mug.png", width=64, height=64)
    with running_simulator(polls=NEVER_DONE, speed=1000) as simulator, nothing_left(world):
        simulator.open_account("pixeldojo", simulator.keys["pixeldojo"], 1e6)
        url = upload(simulator, photo)
        environment = remote_environment(simulator) | {"MCP_RELIGHT_DAILY_BUDGET_USD": "100000"}
        async with Client(stdio(world, **environment)) as client:
            started = time.monotonic()
            for seed in range(count):
                await start(client, image=url, seed=seed, **SMALL)
            (worker,) = workers(world)
            await until(lambda: _in_stage(world, "running") == count, within_s=600)
            assert len(Paid.by(simulator).charges) == count
            ordered_s = time.monotonic() - started
            simulator.settings(polls=0)
            await until(lambda: _in_stage(world, "succeeded") == count, within_s=1800)
            all_s = time.monotonic() - started
            peak = _peak_bytes(worker)
        assert len(rows(world, "stage")) == len(Paid.by(simulator).charges) == count
    print(  # noqa: T201
        f"{count} jobs in flight at once after {ordered_s:.0f} s, all done after {all_s:.0f} s, "
        f"worker peak {peak / 1e6:.0f} MB"
    )
    assert peak <= MAX_WORKER_BYTES


def _in_stage(world: World, stage: str) -> int:
    return sum(row["stage"] == stage for row in rows(world, "stage"))


def _peak_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")
