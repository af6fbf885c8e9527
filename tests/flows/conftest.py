"""A world of simulated providers."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from mcp_relight.domain.exchange import Request
from mcp_relight.providers.faults import MAX_HOLD_S
from mcp_relight.providers.kit.adapter import Pace
from mcp_relight.providers.pixazo import Pixazo
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.segmind import Segmind
from mcp_relight.simulator.app import running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from mcp_relight.simulator.wire import UNACCEPTED
from mcp_relight.storage.fetch import Fetcher

ADAPTERS = (PixelDojo, Pixazo, Segmind)
HURRY = 0.05
"""The part of every wait of a job that a test sits through."""
BRIEFLY_S, PATIENTLY_S = 0.5, 30.0
SILENT = UNACCEPTED | {"hang_before_reply", "hang_mid_reply", "slow_drip"}
"""Faults that end when whoever asked gives up."""


class Patience:
    """How long a request or a download is waited for. Whoever waits for silence waits briefly;
    else so long that no busy machine is taken for a silent one."""

    seconds = PATIENTLY_S


class Watched(SimulatorHandle):
    """A simulator that tells how patient to be with it."""

    def fault(
        self, provider: str, phase: str, kind: str, *, times: int = 1, after: int = 0
    ) -> None:
        if kind in SILENT:
            Patience.seconds = BRIEFLY_S
        super().fault(provider, phase, kind, times=times, after=after)

    def reset(self) -> None:
        Patience.seconds = PATIENTLY_S
        super().reset()


class Hurried:
    """In the place of chance: the wait itself, shortened."""

    @staticmethod
    def uniform(low: float, high: float) -> float:
        return HURRY * (low + high) / 2


@pytest.fixture(autouse=True)
def quick_children(one_pair_of_children: None) -> None:
    """Servers inside this process start no children of their own."""


@pytest.fixture(scope="session")
def simulator_of_all() -> Iterator[SimulatorHandle]:
    with running_simulator(polls=1, speed=1000) as handle:
        yield Watched(handle.origin)


@pytest.fixture(scope="module")
def simulator_server(simulator_of_all: SimulatorHandle) -> SimulatorHandle:
    """As new for a module whose tests share a server."""
    simulator_of_all.reset()
    return simulator_of_all


@pytest.fixture
def simulator(simulator_server: SimulatorHandle) -> SimulatorHandle:
    simulator_server.reset()
    return simulator_server


@pytest.fixture(scope="module")
def brisk() -> Iterator[None]:
    """Every wait of a job a twentieth as long, and no request waited for longer than `Patience`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mcp_relight.jobs.ports._random", Hurried)
        patch.setattr("mcp_relight.providers.faults.MAX_HOLD_S", MAX_HOLD_S * HURRY)
        for adapter in ADAPTERS:
            patch.setattr(adapter, "pace", Pace(2.0, 6.0))
            for question in ("submit", "poll", "upload"):
                patch.setattr(adapter, question, _impatient(getattr(adapter, question)))
        patch.setattr(Fetcher, "fetch", _impatient_fetch(Fetcher.fetch))
        yield


def _impatient(patient: Callable[..., Request | None]) -> Callable[..., Request | None]:
    """The same request, given up in time."""

    def impatient(*arguments: Any) -> Request | None:
        request = patient(*arguments)
        return None if request is None else replace(request, timeout_s=Patience.seconds)

    return impatient


def _impatient_fetch(patient: Callable[..., Awaitable[bytes]]) -> Callable[..., Awaitable[bytes]]:
    async def impatient(fetcher: Fetcher, url: str, **limits: Any) -> bytes:
        return await patient(fetcher, url, **limits | {"deadline_s": Patience.seconds})

    return impatient
