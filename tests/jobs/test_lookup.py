"""Lookups: what the driver is asked directly says what SQLAlchemy would."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mcp_relight.errors import Internal
from mcp_relight.jobs.store.database import Database
from mcp_relight.jobs.store.lookup import Lookup
from mcp_relight.jobs.store.tables import meta

pytestmark = pytest.mark.anyio

_BY_NAME = sa.select(meta.c.content, (meta.c.content == "100 %").label("is_whole")).where(
    meta.c.name == sa.bindparam("name")
)


@pytest.fixture
async def database(location: Path | str) -> AsyncIterator[Database]:
    opened = Database(location, may_migrate=True)
    yield opened
    await opened.aclose()


@pytest.mark.parametrize("content", ["100 %", "ä € 🙂", "\ufffd"])
async def test_rows_are_those_that_sqlalchemy_finds(database: Database, content: str) -> None:
    row = {"name": "one", "content": content}
    await database.write(lambda c: c.execute(meta.insert().values(row)).close())
    by_hand = await database.read(lambda c: Lookup(_BY_NAME).rows(c, name="one"))
    assert by_hand == [{"content": content, "is_whole": content == "100 %"}]
    assert await database.read(lambda c: Lookup(_BY_NAME).rows(c, name="two")) == []


async def test_a_value_is_looked_for_as_it_would_be_stored(database: Database) -> None:
    odd = "one\0two\ud83d"
    await database.write(
        lambda c: c.execute(meta.insert().values(name=odd, content="found")).close()
    )
    (row,) = await database.read(lambda c: Lookup(_BY_NAME).rows(c, name=odd))
    assert row["content"] == "found"


async def test_it_sees_what_its_own_transaction_wrote(database: Database) -> None:
    def both(connection: sa.Connection) -> list[dict[str, object]]:
        connection.execute(meta.insert().values(name="one", content="new"))
        return Lookup(_BY_NAME).rows(connection, name="one")

    assert (await database.write(both))[0]["content"] == "new"


async def test_what_the_driver_refuses_is_told_as_everything_is(database: Database) -> None:
    nowhere = Lookup(sa.select(sa.table("nowhere", sa.column("name")).c.name))
    with pytest.raises(Internal, match="refused a statement"):
        await database.read(lambda c: nowhere.rows(c))
