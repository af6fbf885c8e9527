"""Being told of changes by PostgreSQL: one connection per process that listens."""

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio.from_thread
from anyio.lowlevel import EventLoopToken
from sqlalchemy.exc import SQLAlchemyError

from mcp_relight.errors import RelightError

_log = logging.getLogger(__name__)

CHANNEL = "relight_jobs"
"""Its payloads are job ids; an empty one says that something else changed."""

_LISTEN = f"LISTEN {CHANNEL}"
_QUIET_S = 5.0
"""After this long without a word the connection is tried: a dead one may look like a quiet one."""
_AGAIN_S = (0.1, 0.2, 0.5, 1.0, 2.0)

Tell = Callable[[frozenset[str] | None], None]
"""Takes the ids of the jobs that changed; None where anything may have."""


class Listener:
    """A thread that listens for as long as it is wanted, through restarts of the server.

    `tell` is called in the event loop of `start`: once after each connection was made, because
    nobody knows what changed before it, then for every change.
    """

    def __init__(self, connect: Callable[[], Any], tell: Tell) -> None:
        """`connect` opens a connection of the driver that commits by itself."""
        self._connect = connect
        self._tell = tell
        self._thread: threading.Thread | None = None
        self._is_stopping = threading.Event()
        self._wake, self._woken = socket.socketpair()

    def start(self, token: EventLoopToken) -> None:
        """Doing so twice is harmless."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._listen, args=(token,), name="relight-listener", daemon=True
            )
            self._thread.start()

    def ask_to_stop(self) -> None:
        """The thread ends soon after; it may be waiting for the event loop, so nobody waits."""
        self._is_stopping.set()
        with contextlib.suppress(OSError):
            self._wake.send(b".")

    def _listen(self, token: EventLoopToken) -> None:
        import psycopg as driver  # loaded by now: it is an extra, and heavy

        failures = 0
        while not self._is_stopping.is_set():
            began_at = time.monotonic()
            try:
                self._listen_once(token)
            except anyio.RunFinishedError:
                break
            except (driver.Error, SQLAlchemyError, RelightError, OSError):
                pass  # connecting again mends it, or whoever asks the database says what is wrong
            failures = 0 if time.monotonic() - began_at > _QUIET_S else failures + 1
            if failures == 1 and not self._is_stopping.is_set():
                _log.warning("The job database's notices stopped; listening again.")
            self._is_stopping.wait(_AGAIN_S[min(failures, len(_AGAIN_S) - 1)])
        self._wake.close()
        self._woken.close()

    def _listen_once(self, token: EventLoopToken) -> None:
        """Until the connection breaks, which raises the driver's error, or the stop."""
        with contextlib.closing(self._connect()) as connection:
            connection.execute(_LISTEN)
            self._pass_on(token, None)
            with selectors.DefaultSelector() as either:
                either.register(connection.fileno(), selectors.EVENT_READ)
                either.register(self._woken, selectors.EVENT_READ)
                while not self._is_stopping.is_set():
                    if not either.select(_QUIET_S):
                        connection.execute("SELECT 1")
                    changed = {note.payload for note in connection.notifies(timeout=0)}
                    if changed:
                        self._pass_on(token, frozenset(changed))

    def _pass_on(self, token: EventLoopToken, changed: frozenset[str] | None) -> None:
        anyio.from_thread.run_sync(self._tell, changed, token=token)
