"""The whole server in this process, beside simulated providers, for clients of both eras.

The long suite tries every test with a client of either; the default one tries the older era in
test_end_to_end.py and where a test names it.
"""

from collections.abc import Callable
from typing import Any

import pytest
from mcp import Client

from mcp_relight.bootstrap import Application
from mcp_relight.server.app import create_server
from mcp_relight.simulator.control import SimulatorHandle
from tests.flows.conftest import (
    brisk,
    quick_children,
    simulator,
    simulator_of_all,
    simulator_server,
)
from tests.flows.rig import settings_of
from tests.world import World

__all__ = ["brisk", "quick_children", "simulator", "simulator_of_all", "simulator_server"]

Connect = Callable[..., Client]


@pytest.fixture(params=["auto", pytest.param("legacy", marks=pytest.mark.long)])
def mode(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def connect(world: World, simulator: SimulatorHandle, brisk: None) -> Connect:
    """A client of a server of its own; all of one test share a data folder."""

    def connected(mode: Any = "auto", **options: Any) -> Client:
        server = create_server(Application(settings_of(world, simulator)))
        return Client(server, mode=mode, **options)

    return connected
