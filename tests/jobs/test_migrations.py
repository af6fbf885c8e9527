"""Databases of earlier schemas, of later ones, and empty ones that many open at once."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mcp_relight.domain.job import LEGAL
from mcp_relight.errors import Internal
from mcp_relight.jobs.store.migrations import SCHEMA_VERSION
from mcp_relight.jobs.store.store import Store, migrate
from tests.jobs.fakes import OWNER, new_job
from tests.jobs.postgres import Cluster
from tests.jobs.processes import Children, run_command

pytestmark = pytest.mark.anyio

SCHEMAS = Path(__file__).parent / "schemas"
EARLIER = sorted(int(path.name.partition(".")[0]) for path in SCHEMAS.glob("*.sqlite.sql"))


def engine_of(location: Path | str) -> sa.Engine:
    if isinstance(location, str):
        return sa.create_engine(sa.make_url(location).set(drivername="postgresql+psycopg"))
    location.parent.mkdir(exist_ok=True)
    return sa.create_engine(f"sqlite:///{location}")


def execute(location: Path | str, *statements: str) -> None:
    engine = engine_of(location)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def fill(location: Path | str, schema: int) -> None:
    """What a version with this schema left behind: a job in every stage, and of all else a row."""
    dialect = "postgresql" if isinstance(location, str) else "sqlite"
    statements = (SCHEMAS / f"{schema}.{dialect}.sql").read_text("utf-8").split(";\n")
    execute(location, *filter(None, statements))


def shape_of(location: Path | str) -> dict[str, Any]:
    engine = engine_of(location)
    with engine.connect() as connection:
        found = sa.inspect(connection)
        shape = {
            table: sorted(
                (column["name"], str(column["type"]), column["nullable"])
                for column in found.get_columns(table)
            )
            for table in found.get_table_names()
        }
        shape |= {
            f"indexes of {table}": sorted(str(index["name"]) for index in found.get_indexes(table))
            for table in found.get_table_names()
        }
        if engine.dialect.name == "postgresql":
            told = "SELECT event_object_table, event_manipulation FROM information_schema.triggers"
            shape["notices of"] = sorted(map(tuple, connection.exec_driver_sql(told)))
    engine.dispose()
    return shape


def open_store(location: Path | str) -> Store:
    return Store(location, is_living=lambda _: False)


@pytest.mark.parametrize("schema", EARLIER)
async def test_a_job_of_every_stage_of_an_earlier_schema_survives(
    location: Path | str, schema: int
) -> None:
    fill(location, schema)
    assert await migrate(location) == SCHEMA_VERSION
    store = open_store(location)
    page = await store.list(owner=OWNER, status=None, limit=99, cursor=None)
    assert {job.stage for job in page.jobs} == set(LEGAL)
    for job in page.jobs:
        assert (job.submits, job.note, job.request.image_name) == (1, "A note.", "mug")
        if LEGAL[job.stage]:
            after = sorted(LEGAL[job.stage])[0]
            assert await store.move(job, after) is not None
    [again] = await store.insert([new_job()])
    assert again.stage == "queued"
    assert await store.take_slot("key", per_minute=60, burst=1) >= 0
    await store.aclose()


@pytest.mark.parametrize("schema", EARLIER)
async def test_a_database_brought_forward_is_as_a_new_one(
    location: Path | str, schema: int, tmp_path: Path
) -> None:
    await migrate(location)
    wanted = shape_of(location)
    execute(location, *(f"DROP TABLE {name}" for name in wanted if " of" not in name))
    fill(location, schema)
    await migrate(location)
    assert shape_of(location) == wanted


async def test_migrating_twice_changes_nothing(location: Path | str) -> None:
    await migrate(location)
    shape = shape_of(location)
    assert await migrate(location) == SCHEMA_VERSION
    assert shape_of(location) == shape


@pytest.mark.long
async def test_a_server_of_a_team_does_not_migrate_by_itself(empty_database: str) -> None:
    fill(empty_database, 1)
    store = open_store(empty_database)
    with pytest.raises(Internal, match="older version") as caught:
        await store.insert([new_job()])
    assert "mcp-relight migrate" in caught.value.hint
    await migrate(empty_database)
    await store.insert([new_job()])
    await store.aclose()


async def test_a_newer_schema_that_keeps_older_versions_is_used(location: Path | str) -> None:
    await migrate(location)
    execute(
        location,
        "UPDATE meta SET content = '99' WHERE name = 'schema'",
        "ALTER TABLE jobs ADD COLUMN brand_new VARCHAR(20) NOT NULL DEFAULT ''",
    )
    store = open_store(location)
    [job] = await store.insert([new_job()])
    assert (await store.get(job.job_id)).stage == "queued"
    await store.aclose()


async def test_what_a_newer_version_knows_of_a_job_does_not_hide_it(location: Path | str) -> None:
    store = open_store(location)
    [job] = await store.insert([new_job()])
    moved = await store.move(job, "running", cost=job.cost)
    assert moved is not None
    request = json.loads(job.request.model_dump_json()) | {"brand_new": 1}
    request["lighting"] |= {"brand_new": {"a": 1}}
    request["policy"] |= {"brand_new": True}
    sent = json.dumps([{"what": "photo", "to": "cloud", "bytes": 1, "brand_new": 1}])
    cost = json.dumps(json.loads(job.cost.model_dump_json()) | {"brand_new": 1})
    engine = engine_of(location)
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE jobs SET request = :request, cost = :cost, sent = :sent"),
            {"request": json.dumps(request), "cost": cost, "sent": sent},
        )
    engine.dispose()
    assert (await store.get(job.job_id)).request == job.request
    page = await store.list(owner=OWNER, status=None, limit=9, cursor=None)
    assert [row.job_id for row in page.jobs] == [job.job_id]
    await store.aclose()


@pytest.mark.long
@pytest.mark.parametrize("start", ["empty", "schema 1"])
def test_six_processes_open_a_database_at_once(
    location: Path | str, start: str, tmp_path: Path
) -> None:
    if start == "schema 1":
        fill(location, 1)
    with Children(tmp_path) as children:
        processes = [children.start("migrate", location) for _ in range(6)]
        for process in processes:
            assert children.line_of(process) == "ready"
        for process in processes:
            children.say(process, "go")
        assert children.all_answers(processes) == [str(SCHEMA_VERSION)] * 6


@pytest.mark.long
def test_the_command_brings_a_database_forward(
    empty_database: str, postgres: Cluster, tmp_path: Path
) -> None:
    pytest.importorskip("procrastinate", reason="needs the extra team")
    fill(empty_database, 1)
    environment = {"MCP_RELIGHT_DATABASE_URL": empty_database}
    words = run_command(tmp_path, "migrate", environment=environment)
    assert f"schema {SCHEMA_VERSION}" in words
    assert postgres.execute("SELECT count(*) FROM jobs", url=empty_database) == [(len(LEGAL),)]


def test_a_file_is_brought_forward_by_whoever_opens_it(tmp_path: Path) -> None:
    fill(tmp_path / "jobs.db", 1)
    assert json.loads(run_command(tmp_path, "migrate", "--json")) == {"schema": SCHEMA_VERSION}
    with sqlite3.connect(tmp_path / "jobs.db") as connection:
        rows = connection.execute("SELECT content FROM meta WHERE name = 'schema'").fetchall()
    connection.close()
    assert rows == [(str(SCHEMA_VERSION),)]
