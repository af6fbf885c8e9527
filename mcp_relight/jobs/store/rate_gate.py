"""Rate gates that all processes share: GCRA, one row per provider key, taken in one statement."""

from sqlalchemy.engine import Connection

from .dialect import greater, insert_into
from .tables import gates


def take_slot(
    connection: Connection, gate: str, *, per_minute: float, burst: int, now: float
) -> float:
    """Take the next slot; returns after how many seconds it may be used."""
    step_s = 60.0 / per_minute
    earliest = now - step_s * (burst - 1)
    taken = connection.execute(
        insert_into(connection, gates)
        .values(name=gate, tat=earliest + step_s)
        .on_conflict_do_update(
            index_elements=[gates.c.name], set_={"tat": greater(gates.c.tat, earliest) + step_s}
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
