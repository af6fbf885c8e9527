"""A SELECT that many calls run: its text is made once, and the driver is given it as it is.

SQLAlchemy would make statement and result anew for each, which takes five times as long as what the
driver does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.engine.default import DefaultDialect

from .tables import storable

T = TypeVar("T")
Row = dict[str, Any]


class Lookup:
    """What changes from call to call is a `bindparam`; a column is a number, a boolean or text, for
    nothing is turned into anything else."""

    def __init__(self, query: sa.Select[*tuple[Any, ...]]) -> None:
        self._query = query
        self._names = tuple(column.name for column in query.selected_columns)
        self._made: dict[str, tuple[str, dict[str, Any]]] = {}

    def rows(self, connection: Connection, **values: Any) -> list[Row]:
        text, given = self.asked(connection.dialect, values)
        try:
            cursor = connection.connection.cursor()
            try:
                cursor.execute(text, given)
                found = cursor.fetchall()
            finally:
                cursor.close()
        except connection.dialect.loaded_dbapi.Error:
            # What it means, and what becomes of this connection, is for SQLAlchemy to find.
            found = connection.execute(self._query, values).all()
        return self.named(found)

    def asked(self, dialect: Dialect, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The statement and its values, as the driver takes them."""
        text, fixed = self._text(dialect)
        return text, fixed | {
            name: storable(value) if isinstance(value, str) else value
            for name, value in values.items()
        }

    def named(self, found: Sequence[Sequence[Any]]) -> list[Row]:
        """What the driver found, by the names of the columns."""
        return [dict(zip(self._names, row, strict=True)) for row in found]

    def _text(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        """The statement, and those of its values that are always the same."""
        made = self._made.get(dialect.name)
        if made is None:
            if dialect.positional:  # as SQLite's is; it takes names as well
                dialect = cast(type[DefaultDialect], type(dialect))(paramstyle="named")
            compiled = self._query.compile(dialect=dialect)
            fixed = {name: one for name, one in compiled.params.items() if one is not None}
            made = self._made[dialect.name] = (str(compiled), fixed)
        return made


@dataclass(frozen=True, slots=True)
class Look(Generic[T]):
    """A lookup with its values, and what the rows that it finds mean."""

    lookup: Lookup
    values: Mapping[str, Any]
    meaning: Callable[[list[Row]], T]

    def on(self, connection: Connection) -> T:
        return self.meaning(self.lookup.rows(connection, **self.values))
