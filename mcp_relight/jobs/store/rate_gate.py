"""Rate gates that all processes share: GCRA, one row per provider key, taken in one statement."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from .dialect import greater, insert_into, is_ahead
from .tables import gates


def take_slot(
    connection: Connection, gate: str, *, per_minute: float, burst: int, now: float
) -> float:
    """Take the next slot; returns after how many seconds it may be used."""
    step_s = 60.0 / per_minute
    earliest = now - step_s * (burst - 1)
    taken = connection.execute(
        insert_into(connection, gates)
        .values(name=gate, tat=earliest + step_s, seen_at=now)
        .on_conflict_do_update(
            index_elements=[gates.c.name],
            set_={"tat": greater(_tat(now), earliest) + step_s, "seen_at": now},
        )
        .returning(gates.c.tat)
    ).scalar_one()
    return max(0.0, taken - step_s - now)


def hold(connection: Connection, gate: str, *, seconds: float, now: float) -> None:
    """Give out no slot for so long."""
    until = now + seconds
    connection.execute(
        insert_into(connection, gates)
        .values(name=gate, tat=until, seen_at=now)
        .on_conflict_do_update(
            index_elements=[gates.c.name],
            set_={"tat": greater(_tat(now), until), "seen_at": now},
        )
    )


def _tat(now: float) -> sa.ColumnElement[float]:
    """The gate's moment by the clock as it is now: put back with it, where that happened since the
    gate was last used."""
    return sa.case(
        (is_ahead(gates.c.seen_at, now), gates.c.tat - gates.c.seen_at + now), else_=gates.c.tat
    )
