"""The schema's numbered steps, and bringing a database to the newest one.

An empty database is made as `tables` says. One of an earlier version goes through every step it
has not seen, in one transaction, under a lock: whoever comes second finds nothing left to do.
"""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from mcp_relight.errors import Internal

from .dialect import put_row
from .listen import CHANNEL
from .owner_tables import ACCOUNT_TABLES, OWNER_TABLES, hooks, key_pages, lent, owner_keys, uploads
from .tables import meta, metadata, set_members, sets

_LOCK = 0x72656C69
"""The advisory lock of PostgreSQL that stands for our schema: any number that nobody else uses."""


@dataclass(frozen=True, slots=True)
class Step:
    """From the schema before to `number`. Released steps are never edited: append another.

    With `keeps_older`, versions that know only the schema before may go on using the database, as
    in a deployment that replaces one process after the other. New columns need a default for that.
    """

    number: int
    apply: Callable[[Connection], None]
    keeps_older: bool = True


def _gates_know_their_clock_and_sets_exist(connection: Connection) -> None:
    """Some databases that call themselves schema 1 have these."""
    add_column(connection, "gates", "seen_at", "FLOAT NOT NULL DEFAULT 0")
    metadata.create_all(connection, tables=[sets, set_members])


def _rows_say_when_they_change(connection: Connection) -> None:
    """PostgreSQL tells listeners which row of a job changed, whoever changed it."""
    if connection.dialect.name != "postgresql":
        return
    for table, payload in _TOLD_OF.items():
        for statement in _NOTICE:
            connection.execute(sa.DDL(statement.format(table=table, payload=payload)))


def _tables(*tables: sa.Table) -> Callable[[Connection], None]:
    """The step that makes these, as they are now."""
    return lambda connection: metadata.create_all(connection, tables=tables)


def _columns(table: str, **kinds: str) -> Callable[[Connection], None]:
    """The step that adds these to a table."""

    def add(connection: Connection) -> None:
        for column, kind in kinds.items():
            add_column(connection, table, column, kind)

    return add


_TOLD_OF = {"jobs": "COALESCE(NEW.job_id, OLD.job_id)", "sets": "''", "set_members": "''"}
_NOTICE = (
    f"""
    CREATE OR REPLACE FUNCTION relight_{{table}}_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_notify('{CHANNEL}', {{payload}}); RETURN NULL; END $$
    """,
    "DROP TRIGGER IF EXISTS relight_changed ON {table}",
    """
    CREATE TRIGGER relight_changed AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION relight_{table}_changed()
    """,
)
STEPS = (
    Step(2, _gates_know_their_clock_and_sets_exist),
    Step(3, _rows_say_when_they_change),
    Step(4, _columns("jobs", slots="JSON NOT NULL DEFAULT '[]'")),
    Step(5, _tables(*OWNER_TABLES)),
    Step(6, _tables(*ACCOUNT_TABLES)),
    Step(7, _tables(uploads)),
    Step(8, _tables(hooks)),
    Step(9, _tables(owner_keys)),
    Step(10, _tables(lent)),
    Step(11, _tables(key_pages)),
    Step(12, _columns("owner_keys", daily_budget_usd="FLOAT", per_minute="FLOAT")),
    Step(13, _columns("hooks", called_at="FLOAT")),
)
SCHEMA_VERSION = STEPS[-1].number
OLDEST_READER = max([1, *(step.number for step in STEPS if not step.keeps_older)])


def make_ready(engine: Engine, *, may_migrate: bool) -> None:
    """Make the tables of an empty database; bring an older one forward where that is allowed.

    A database that is ready is only read: somebody may be writing to it for long. Raises Internal
    for one of a newer version that ours cannot use, and for an older one that it must not change.
    """
    with engine.execution_options(read_only=True).begin() as connection:
        if _is_ready(connection):
            return
    with engine.begin() as connection:
        _lock(connection)
        if _is_ready(connection):
            return
        version = _version(connection)
        if version is not None and not may_migrate:
            raise Internal(
                "The job database was made by an older version of mcp-relight.",
                hint="Run `mcp-relight migrate` once, then start again.",
            )
        _bring_forward(connection, version)


def add_column(connection: Connection, table: str, column: str, kind: str) -> None:
    """ALTER TABLE, unless that column is there."""
    there = {found["name"] for found in sa.inspect(connection).get_columns(table)}
    if column not in there:
        connection.execute(sa.DDL(f"ALTER TABLE {table} ADD COLUMN {column} {kind}"))


def _bring_forward(connection: Connection, version: int | None) -> None:
    if version is None:
        metadata.create_all(connection)
        _rows_say_when_they_change(connection)
    for step in STEPS:
        if version is not None and step.number > version:
            step.apply(connection)
    _remember(connection, "schema", SCHEMA_VERSION)
    _remember(connection, "readers", OLDEST_READER)


def _is_ready(connection: Connection) -> bool:
    version = _version(connection)
    if version is None or version < SCHEMA_VERSION:
        return False
    if version > SCHEMA_VERSION and (_number(connection, "readers") or 0) > SCHEMA_VERSION:
        raise Internal(
            "The job database was written by a newer version of mcp-relight.",
            hint="Update mcp-relight, or set MCP_RELIGHT_DATA_DIR to another folder.",
        )
    return True


def schema_version(connection: Connection) -> int:
    """Of a database that is ready."""
    return _version(connection) or 0


def _version(connection: Connection) -> int | None:
    """None for a database that holds nothing of ours."""
    is_there = sa.inspect(connection).has_table(meta.name)
    return _number(connection, "schema") if is_there else None


def _number(connection: Connection, name: str) -> int | None:
    found = connection.scalar(sa.select(meta.c.content).where(meta.c.name == name))
    return None if found is None else int(found)


def _remember(connection: Connection, name: str, number: int) -> None:
    put_row(connection, meta, {"content": str(number)}, name=name)


def _lock(connection: Connection) -> None:
    """Until the transaction ends. SQLite's has locked the whole file as it began."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
