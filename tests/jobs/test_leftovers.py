"""Whether there is something to do, asked before the store is opened."""

import subprocess
import sys
from pathlib import Path

import pytest

from mcp_relight.jobs.ports import NEVER
from mcp_relight.jobs.store.leftovers import has_leftovers
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import OWNER, new_job

pytestmark = pytest.mark.anyio


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "jobs.db"


@pytest.fixture
def location(database: Path) -> Path:
    """Of the fixture `store`: a file alone is asked this way."""
    return database


def test_where_nothing_was_ever_ordered_nothing_is_left(database: Path) -> None:
    assert not has_leftovers(database)
    assert not database.exists()


async def test_a_job_that_has_not_ended_is_left(store: Store, database: Path) -> None:
    [job] = await store.insert([new_job()])
    assert has_leftovers(database)
    await store.request_cancel(job.job_id, owner=OWNER)
    assert not has_leftovers(database)


async def test_a_job_is_found_that_a_dead_worker_still_holds(store: Store, database: Path) -> None:
    [job] = await store.insert([new_job()])
    await store.claim(job, "a.1")
    await store.aclose()
    assert has_leftovers(database)


async def test_a_job_that_waits_for_a_person_alone_needs_no_worker(
    store: Store, database: Path
) -> None:
    [job] = await store.insert([new_job()])
    await store.move(job, "queued", due_at=NEVER)
    assert not has_leftovers(database)


def test_a_damaged_database_is_left_to_a_worker(database: Path) -> None:
    database.parent.mkdir()
    database.write_bytes(b"not a database at all" * 100)
    assert has_leftovers(database)


def test_neither_asking_nor_the_worker_loads_what_only_the_server_needs() -> None:
    code = (
        "import sys, mcp_relight.jobs.store.leftovers; "
        "assert not {'sqlalchemy', 'numpy'} & set(sys.modules); "
        "import mcp_relight.cli.serving; "
        "assert not {'mcp', 'numpy', 'PIL', 'starlette'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
