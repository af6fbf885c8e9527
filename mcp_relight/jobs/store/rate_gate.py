"""Rate gates that all processes share: GCRA, one row per provider key, taken in one statement."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from .dialect import greater, insert_into
from .tables import gates

LONGEST_WAIT_S = 3600.0
"""A gate that is taken for longer was taken before the clock was put back: it counts as free. An
hour holds the three thousand requests that fit into it at the usual rate."""


def take_slot(
    connection: Connection, gate: str, *, per_minute: float, burst: int, now: float
) -> float:
    """Take the next slot; returns after how many seconds it may be used."""
    step_s = 60.0 / per_minute
    earliest = now - step_s * (burst - 1)
    before = sa.case((gates.c.tat > now + LONGEST_WAIT_S, earliest), else_=gates.c.tat)
    taken = connection.execute(
        insert_into(connection, gates)
        .values(name=gate, tat=earliest + step_s)
        .on_conflict_do_update(
            index_elements=[gates.c.name], set_={"tat": greater(before, earliest) + step_s}
        )
        .returning(gates.c.tat)
    ).scalar_one()
    return max(0.0, taken - step_s - now)


def hold(connection: Connection, gate: str, *, until: float) -> None:
    """Give out no slot before `until`."""
    connection.execute(
        insert_into(connection, gates)
        .values(name=gate, tat=until)
        .on_conflict_do_update(
            index_elements=[gates.c.name], set_={"tat": greater(gates.c.tat, until)}
        )
    )
