"""The database of a team: PostgreSQL 13 or newer, over direct connections."""

import threading
import time
from typing import Any

import sqlalchemy as sa
from anyio.lowlevel import EventLoopToken
from sqlalchemy.engine import URL, Engine

from .changes import ToldChanges, Wakes
from .errors import of_a_server, what_a_server_means
from .listen import Listener
from .looks import Looks
from .migrations import make_ready

_CONNECTIONS = 4
"""Of each process for each of transactions, reads in threads and looks of the event loop, beside
the one that listens: PostgreSQL allows 100 in all by default."""
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
_OF_READS: dict[str, Any] = {
    "isolation_level": "AUTOCOMMIT",
    "skip_autocommit_rollback": True,
    "pool_reset_on_return": None,
}
"""A statement sees what was committed before it, inside of a transaction as well as outside: reads
go without the three round trips that begin and end one and ask whether the connection lives. One
that does not is noticed by the read, which is tried again."""
_MEASURED_FOR_S = 60.0
_SET_S = 1.0


class PostgresServer:
    """`database.Backend` on a PostgreSQL database."""

    writers, readers = _CONNECTIONS, _CONNECTIONS
    patience_hint = "See that PostgreSQL runs and that this machine reaches it, then call again."

    def __init__(self, url: str, *, may_migrate: bool, wakes: Wakes | None = None) -> None:
        self._url = sa.make_url(url).set(drivername=_DRIVER)
        self._may_migrate = may_migrate
        self._wakes = wakes
        self._opening = threading.Lock()
        self._engines: tuple[Engine, Engine] | None = None
        """For transactions, and for reads alone."""
        self._looks: Looks | None = None
        self._clock = _ServerClock()
        self._told = ToldChanges(self._listen)
        self._listener = Listener(self._connect_to_listen, self._told.tell)

    def engine(self, *, read_only: bool = False) -> Engine:
        with self._opening:
            if self._engines is None:
                engine = _create_engine(self._url, pool_pre_ping=True)
                try:
                    make_ready(engine, may_migrate=self._may_migrate)
                    self._make_queue_ready(engine)
                except BaseException:
                    engine.dispose()
                    raise
                self._engines = (engine, _create_engine(self._url, **_OF_READS))
                self._looks = Looks(engine, _connect_args(self._url), most=_CONNECTIONS)
            writes, reads = self._engines
            self._clock.measure(writes)
            return reads if read_only else writes

    def looks(self) -> Looks | None:
        return None if self._clock.is_stale() else self._looks

    def changes(self, run: object) -> ToldChanges:
        return self._told

    def now(self) -> float:
        return self._clock.now()

    def meaning(self, error: Exception) -> Exception:
        return what_a_server_means(error)

    def mend(self) -> None:
        """A server looks after its files itself."""

    def close(self) -> None:
        self._listener.ask_to_stop()
        with self._opening:
            for engine in self._engines or ():
                engine.dispose()
            if self._looks is not None:
                self._looks.close()
            self._engines = self._looks = None

    def _make_queue_ready(self, engine: Engine) -> None:
        if self._wakes is not None:
            with engine.begin() as connection:
                driver = connection.connection.driver_connection
                try:
                    self._wakes.make_ready(driver, may_migrate=self._may_migrate)
                except connection.dialect.loaded_dbapi.Error as error:
                    raise of_a_server(error) from None

    def _listen(self, token: EventLoopToken) -> None:
        self._listener.start(token)

    def _connect_to_listen(self) -> Any:
        connection = self.engine().raw_connection()
        driver: Any = connection.driver_connection
        connection.detach()  # it is none of those that come and go
        driver.autocommit = True
        return driver


def _create_engine(url: URL, **settings: Any) -> Engine:
    return sa.create_engine(
        url,
        connect_args=_connect_args(url),
        pool_size=_CONNECTIONS,
        max_overflow=0,
        hide_parameters=True,
        **settings,
    )


def _connect_args(url: URL) -> dict[str, Any]:
    own = {name: value for name, value in _CONNECT.items() if name not in url.query}
    return own | {"options": f"{_OF_A_SESSION} {url.query.get('options', '')}".strip()}


class _ServerClock:
    """The server's clock, asked once a minute, and again when the machine's own was set or slept.

    Between two of those the machine counts on, whatever its clock says.
    """

    def __init__(self) -> None:
        self._measured: tuple[float, float, float] | None = None

    def measure(self, engine: Engine) -> None:
        """Ask, where that is due."""
        if not self.is_stale():
            return
        with engine.connect() as connection:
            before = time.monotonic()
            now = connection.scalar(sa.select(sa.func.extract("epoch", sa.func.clock_timestamp())))
            after = time.monotonic()
        self._measured = (float(now or 0.0), (before + after) / 2, time.time())

    def now(self) -> float:
        if self._measured is None:
            return time.time()
        now, measured_at, _ = self._measured
        return now + time.monotonic() - measured_at

    def is_stale(self) -> bool:
        if self._measured is None:
            return True
        _, measured_at, by_the_machine = self._measured
        counted = time.monotonic() - measured_at
        return counted > _MEASURED_FOR_S or abs(time.time() - by_the_machine - counted) > _SET_S
