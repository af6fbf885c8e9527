"""The database of a team: PostgreSQL 13 or newer, over direct connections."""

import threading
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine

from .migrations import make_ready

_CONNECTIONS = 4
"""Of each process, beside the one that listens: PostgreSQL allows 100 in all by default."""
_DRIVER = "postgresql+psycopg"
_OF_A_SESSION = "-c statement_timeout=30s -c idle_in_transaction_session_timeout=10s"
_CONNECT: dict[str, Any] = {
    "application_name": "mcp-relight",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""What the URL says of these wins."""


class PostgresServer:
    """`database.Backend` on a PostgreSQL database."""

    writers, readers = _CONNECTIONS, _CONNECTIONS
    patience_hint = "See that PostgreSQL runs and that this machine reaches it, then call again."

    def __init__(self, url: str, *, may_migrate: bool) -> None:
        self._url = sa.make_url(url).set(drivername=_DRIVER)
        self._may_migrate = may_migrate
        self._opening = threading.Lock()
        self._engine: Engine | None = None
        self._version = _Version()

    def engine(self) -> Engine:
        with self._opening:
            if self._engine is None:
                engine = _create_engine(self._url)
                try:
                    make_ready(engine, may_migrate=self._may_migrate)
                except BaseException:
                    engine.dispose()
                    raise
                self._engine = engine
            return self._engine

    def version(self) -> int:
        """A number that grows whenever anybody committed anything."""
        return self._version.look(self.engine())

    def mend(self) -> None:
        """A server looks after its files itself."""

    def close(self) -> None:
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None


def _create_engine(url: URL) -> Engine:
    return sa.create_engine(
        url,
        connect_args={name: value for name, value in _CONNECT.items() if name not in url.query}
        | {"options": f"{_OF_A_SESSION} {url.query.get('options', '')}".strip()},
        pool_pre_ping=True,
        pool_size=2 * _CONNECTIONS,
        max_overflow=0,
        hide_parameters=True,
    )


class _Version:
    """Counts how often a transaction ended in the whole of the server."""

    def __init__(self) -> None:
        self._number = 0
        self._seen = ""

    def look(self, engine: Engine) -> int:
        with engine.connect() as connection:
            # Not the newest transaction's number alone: an older one may commit after it.
            seen = connection.exec_driver_sql("SELECT pg_current_snapshot()::text").scalar_one()
        if seen != self._seen:
            self._seen = seen
            self._number += 1
        return self._number
