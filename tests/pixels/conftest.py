"""One warm child for all tests that do not hurt it."""

from collections.abc import AsyncIterator

import pytest

from mcp_relight.domain.image import RenderTask
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.pixels.client import PixelChild
from tests.networks import networks_look_once

from .pictures import encoded, photo

__all__ = ["networks_look_once"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def pixels(anyio_backend: str) -> AsyncIterator[PixelChild]:
    child = PixelChild()
    yield child
    await child.aclose()


@pytest.fixture(scope="session")
async def shape(pixels: PixelChild) -> bytes:
    """What the engine finds in `photo()`, for tests where finding it is not the point."""
    task = RenderTask(image=encoded(photo(), "PNG"), lighting=Lighting(lights=(Light(),)))
    found = (await pixels.render(task)).analysis
    assert found is not None
    return found
