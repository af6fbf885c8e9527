"""The whole server in this process, beside simulated providers, for clients of both eras."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mcp import Client

from mcp_relight.bootstrap import Application
from mcp_relight.server.app import create_server
from mcp_relight.simulator.handle import SimulatorHandle
from mcp_relight.simulator.serve import running_simulator
from tests.flows.rig import settings_of
from tests.world import World

Connect = Callable[..., Client]


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def simulator_server() -> Iterator[SimulatorHandle]:
    with running_simulator(polls=1, speed=1000) as handle:
        yield handle


@pytest.fixture
def simulator(simulator_server: SimulatorHandle) -> SimulatorHandle:
    simulator_server.reset()
    return simulator_server


@pytest.fixture
def connect(world: World, simulator: SimulatorHandle) -> Connect:
    """A client of a server of its own; all of one test share a data folder."""

    def connected(mode: Any = "auto", **options: Any) -> Client:
        server = create_server(Application(settings_of(world, simulator)))
        return Client(server, mode=mode, **options)

    return connected
