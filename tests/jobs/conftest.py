"""Every test of the jobs has a store of its own: in a real file, and in a real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mcp_relight.jobs.store.store import Store
from mcp_relight.jobs.store.tables import metadata
from tests.jobs.fakes import FakeClock
from tests.jobs.postgres import running_postgres


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """Where the store is: a file, or an empty database."""
    if request.param == "sqlite":
        yield tmp_path / "data" / "jobs.db"
        return
    url = request.getfixturevalue("postgres")
    yield url
    engine = sa.create_engine(url)
    metadata.drop_all(engine)
    engine.dispose()


@pytest.fixture
async def store(location: Path | str, clock: FakeClock) -> AsyncIterator[Store]:
    opened = Store(location, is_living=lambda _: False, now=clock.now)
    yield opened
    await opened.aclose()
