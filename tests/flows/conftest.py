"""A world of simulated providers."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from mcp_relight.domain.exchange import Request
from mcp_relight.providers.kit.adapter import Pace
from mcp_relight.providers.pixazo import Pixazo
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.segmind import Segmind
from mcp_relight.simulator.app import running_simulator
from mcp_relight.simulator.control import SimulatorHandle

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
            for question in ("submit", "poll", "upload"):
                patch.setattr(adapter, question, _impatient(getattr(adapter, question)))
        patch.setattr("mcp_relight.jobs.step_download.DEADLINE_S", 2.0)
        yield


def _impatient(patient: Callable[..., Request | None]) -> Callable[..., Request | None]:
    """The same request, given up after half a second."""

    def impatient(*arguments: Any) -> Request | None:
        request = patient(*arguments)
        return None if request is None else replace(request, timeout_s=QUICK_S)

    return impatient
