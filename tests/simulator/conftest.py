"""One simulator for the module, cleaned for every test, and a caller for each provider."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import httpx2
import pytest
from PIL import Image

from mcp_relight.simulator.app import running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from mcp_relight.simulator.ledger import PROVIDERS
from tests.simulator.caller import Caller

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorHandle]:
    with running_simulator(polls=0) as handle:
        yield handle


@pytest.fixture
def simulator(server: SimulatorHandle) -> SimulatorHandle:
    server.reset()
    return server


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    """One for the module: loading the certificates costs more than any test here."""
    with httpx2.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def pixeldojo(simulator: SimulatorHandle, client: httpx2.Client) -> Caller:
    return Caller(simulator, client, "pixeldojo")


@pytest.fixture
def pixazo(simulator: SimulatorHandle, client: httpx2.Client) -> Caller:
    return Caller(simulator, client, "pixazo")


@pytest.fixture
def segmind(simulator: SimulatorHandle, client: httpx2.Client) -> Caller:
    return Caller(simulator, client, "segmind")


@pytest.fixture(params=PROVIDERS)
def provider(
    request: pytest.FixtureRequest, simulator: SimulatorHandle, client: httpx2.Client
) -> Caller:
    return Caller(simulator, client, request.param)


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A 96x64 PNG, dark on the left."""
    picture = Image.linear_gradient("L").rotate(90).resize((96, 64)).convert("RGB")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="session")
def photo_data_uri(photo: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(photo).decode()


@pytest.hookimpl(tryfirst=True)  # before those of the long suite are skipped
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each kind of fault with one provider, taking turns; the long suite tries all of them."""
    for item in items:
        chosen = getattr(getattr(item, "callspec", None), "params", {})
        if item.path.parent == HERE and {"kind", "provider"} <= chosen.keys():
            turn = crc32(chosen["kind"].encode()) % len(PROVIDERS)
            if chosen["provider"] != tuple(PROVIDERS)[turn]:
                item.add_marker(pytest.mark.long)
