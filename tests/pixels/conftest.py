"""One warm child for all tests that do not hurt it."""

from collections.abc import AsyncIterator

import pytest

from mcp_relight.pixels.client import PixelChild
from tests.networks import networks_look_once

__all__ = ["networks_look_once"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def pixels(anyio_backend: str) -> AsyncIterator[PixelChild]:
    child = PixelChild()
    yield child
    await child.aclose()
