"""Single looks at PostgreSQL, which take no thread, and what becomes of them when it goes away."""

import threading
from collections.abc import AsyncIterator

import anyio
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mcp_relight.errors import Internal
from mcp_relight.jobs.store.database import Database
from mcp_relight.jobs.store.lookup import Look, Lookup
from mcp_relight.jobs.store.tables import meta
from tests.jobs.postgres import Cluster

pytestmark = [pytest.mark.anyio, pytest.mark.long]

_BY_NAME = Lookup(sa.select(meta.c.content).where(meta.c.name == sa.bindparam("name")))
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = 'empty'"


@pytest.fixture
async def database(empty_database: str) -> AsyncIterator[Database]:
    opened = Database(empty_database, may_migrate=True, patience_s=20)
    await opened.write(lambda c: c.execute(meta.insert().values(name="a", content="b")).close())
    yield opened
    await opened.aclose()


def a_look() -> Look[str]:
    return Look(_BY_NAME, {"name": "a"}, lambda rows: str(rows[0]["content"]))


async def test_a_look_waits_for_no_thread(database: Database) -> None:
    is_done, busy = threading.Event(), threading.Semaphore(0)

    def hold(connection: Connection) -> None:
        busy.release()
        is_done.wait(60)

    try:
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(database.read, hold)
            for _ in range(4):
                await anyio.to_thread.run_sync(busy.acquire)
            with anyio.fail_after(30):
                assert [await database.look(a_look) for _ in range(3)] == ["b"] * 3
            is_done.set()
    finally:
        is_done.set()


async def test_many_at_once_take_few_connections(database: Database, postgres: Cluster) -> None:
    said: list[str] = []

    async def look() -> None:
        said.append(await database.look(a_look))

    async with anyio.create_task_group() as tasks:
        for _ in range(40):
            tasks.start_soon(look)
    assert said == ["b"] * 40
    assert 2 <= len(postgres.execute(_SESSIONS)) <= 5  # beside the one that wrote


async def test_a_connection_that_went_away_is_replaced(
    database: Database, postgres: Cluster
) -> None:
    assert await database.look(a_look) == "b"
    postgres.execute(_SESSIONS.replace("pid", "pg_terminate_backend(pid)"))
    assert [await database.look(a_look) for _ in range(3)] == ["b"] * 3


async def test_what_the_server_refuses_is_told_as_everything_is(database: Database) -> None:
    nowhere = Lookup(sa.select(sa.table("nowhere", sa.column("name")).c.name))
    with pytest.raises(Internal, match="refused a statement"):
        await database.look(lambda: Look(nowhere, {}, len))


async def test_a_call_that_is_given_up_leaves_the_connection_of_use(
    database: Database, postgres: Cluster
) -> None:
    slow = Lookup(sa.select(sa.func.pg_sleep(sa.bindparam("wait_s")).cast(sa.Text).label("it")))
    assert await database.look(a_look) == "b"
    before = postgres.execute(_SESSIONS)
    with anyio.move_on_after(0.05) as given_up:
        await database.look(lambda: Look(slow, {"wait_s": 0.2}, len))
    assert given_up.cancelled_caught or given_up.cancel_called
    assert await database.look(a_look) == "b"
    assert postgres.execute(_SESSIONS) == before


async def test_closing_leaves_neither_connection_nor_thread(
    empty_database: str, postgres: Cluster
) -> None:
    others = set(threading.enumerate())
    database = Database(empty_database, may_migrate=True)
    assert await database.read(lambda c: c.exec_driver_sql("SELECT 1").scalar_one()) == 1
    await database.look(lambda: Look(_BY_NAME, {"name": "a"}, len))
    mine = [one for one in threading.enumerate() if one not in others and one.name[:4] == "jobs"]
    assert mine
    await database.aclose()
    for thread in mine:
        await anyio.to_thread.run_sync(thread.join, 30)
        assert not thread.is_alive()
    with anyio.fail_after(30):  # the server notices a moment later
        while postgres.execute(_SESSIONS):  # noqa: ASYNC110 - nothing tells of it
            await anyio.sleep(0.02)
