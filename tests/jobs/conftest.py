"""Every test of the jobs has a store of its own, in a real file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "data" / "jobs.db", is_living=lambda _: False, now=clock.now)
    yield opened
    await opened.aclose()
