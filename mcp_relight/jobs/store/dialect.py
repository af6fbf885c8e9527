"""The little in which SQLite and PostgreSQL differ."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

from mcp_relight.domain.job import SLACK_S

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert_into(connection: Connection, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that can say ON CONFLICT."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # whoever has SQLite need not wait for it

    return postgresql.insert(table)


def insert_unless_there(
    connection: Connection, table: sa.Table
) -> "sqlite.Insert | postgresql.Insert":
    return insert_into(connection, table).on_conflict_do_nothing()


def put_row(connection: Connection, table: sa.Table, values: Mapping[str, Any], **key: Any) -> None:
    """Insert a row, or change the values of the one with this primary key."""
    connection.execute(
        insert_into(connection, table)
        .values(**key, **values)
        .on_conflict_do_update(index_elements=[*table.primary_key], set_=values)
    )


def insert_rows(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows that all name the same columns. PostgreSQL gets them as one statement: its driver would
    send one after the other, and every other thread of this process would wait between."""
    if connection.dialect.name == "sqlite":
        connection.execute(table.insert(), rows)
        return
    names = list(rows[0])
    arrays = (
        sa.bindparam(name, [row[name] for row in rows], sa.ARRAY(table.c[name].type))
        for name in names
    )
    given = sa.func.unnest(*arrays).table_valued(*names).render_derived()
    connection.execute(table.insert().from_select(names, sa.select(given)))


def greater(left: Any, right: float) -> sa.Case[float]:
    """The greater of the two; SQLite and PostgreSQL name that function differently."""
    return sa.case((left > right, left), else_=right)


def is_column_ahead(moment: sa.ColumnElement[float], now: float) -> sa.ColumnElement[bool]:
    """`domain.job.is_ahead`, of a column."""
    return moment > now + SLACK_S


def read_json(text: str) -> object:
    """For `json_deserializer`. SQLite keeps any text, and one that is damaged must not stop the
    reading of every other row: it comes back as it is, which no column of ours means."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
