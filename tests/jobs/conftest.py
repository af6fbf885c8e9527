"""Every test of the jobs has a store of its own: in a real file, and in a real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import FakeClock
from tests.jobs.postgres import Cluster, running_postgres


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    with running_postgres() as cluster:
        yield cluster


@pytest.fixture
def empty_database(postgres: Cluster) -> str:
    """Its URL."""
    return postgres.new_database("empty")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where the store is: a file, or an empty database."""
    if request.param == "sqlite":
        return tmp_path / "data" / "jobs.db"
    return request.getfixturevalue("empty_database")


@pytest.fixture
async def store(location: Path | str, clock: FakeClock) -> AsyncIterator[Store]:
    opened = Store(location, is_living=lambda _: False, now=clock.now)
    yield opened
    await opened.aclose()
