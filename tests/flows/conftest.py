"""A world of simulated providers."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from mcp_relight.domain.adapter import Pace
from mcp_relight.domain.exchange import Call, Request
from mcp_relight.providers.pixazo import Pixazo
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.segmind import Segmind
from mcp_relight.simulator.handle import SimulatorHandle
from mcp_relight.simulator.serve import running_simulator

ADAPTERS = (PixelDojo, Pixazo, Segmind)
QUICK_S = 0.5


@pytest.fixture(scope="module")
def simulator_server() -> Iterator[SimulatorHandle]:
    with running_simulator(polls=1, speed=1000) as handle:
        yield handle


@pytest.fixture
def simulator(simulator_server: SimulatorHandle) -> SimulatorHandle:
    simulator_server.reset()
    return simulator_server


@pytest.fixture(scope="module")
def brisk() -> Iterator[None]:
    """Adapters that ask again soon and give up soon: the providers' own seconds, shortened."""
    with pytest.MonkeyPatch.context() as patch:
        for adapter in ADAPTERS:
            patch.setattr(adapter, "pace", Pace(0.1, 0.3))
            patch.setattr(adapter, "submit", _impatient(adapter))
        yield


def _impatient(adapter: type[PixelDojo | Pixazo | Segmind]):
    patient = adapter.submit

    def submit(self: PixelDojo | Pixazo | Segmind, call: Call) -> Request:
        return replace(patient(self, call), timeout_s=QUICK_S)  # pyright: ignore

    return submit
