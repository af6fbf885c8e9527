"""Starting worker processes that outlive whoever needed them.

Nothing here may be heavy to import: a server calls it while a client waits.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mcp_relight.errors import Internal

from .locks import is_held, lock_path

# -P: the working folder, which may hold downloads, is no place to import from.
WORKER_COMMAND = (sys.executable, "-P", "-m", "mcp_relight", "worker", "--detached")
_MAX_LOG_BYTES = 1_000_000
_START_S = 30.0
"""A worker that has not taken its lock after so long hangs, and another is started."""


class Spawner:
    """Makes sure that a worker of one name lives.

    No lost wake-up: call `ensure` after the row was committed. Either the probe finds no lock, and
    a worker is started; or a worker holds its lock, and will look at the rows once more after it
    has released it.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        environment: Mapping[str, str],
        command: Sequence[str] = WORKER_COMMAND,
        ahead: "Ahead | None" = None,
    ) -> None:
        """`ahead` is a worker that was started before its name was known."""
        self._folder = folder
        self._lock_path = lock_path(folder, name)
        self._environment = dict(environment)
        self._command = list(command)
        self._started = [ahead.process] if ahead else []
        self._started_at = ahead.started_at if ahead else 0.0
        self._lock_before = ahead.locks.get(self._lock_path, b"") if ahead else b""
        self._mutex = threading.Lock()

    def ensure(self) -> bool:
        """Start a worker unless one lives; True when one was started. Takes a few milliseconds.

        Several started at the same time settle it by the lock: all but one leave again.
        Raises Internal when no process can be started.
        """
        with self._mutex:
            self._started = [process for process in self._started if process.poll() is None]
            if is_held(self._lock_path) or self._is_one_starting():
                return False
            self._lock_before = _content(self._lock_path)
            self._started.append(_start(self._folder, self._command, self._environment))
            self._started_at = time.monotonic()
            return True

    def _is_one_starting(self) -> bool:
        """Whether a worker started from here has yet to take the lock: then its first look at the
        rows is still to come. Whoever takes the lock writes into it, so one that had it and is
        about to leave is not mistaken for one that comes."""
        return (
            bool(self._started)
            and time.monotonic() - self._started_at < _START_S
            and _content(self._lock_path) == self._lock_before
        )


@dataclass(frozen=True, slots=True)
class Ahead:
    """A worker started before anybody needs one. `locks` is what each lock held before it. `line`
    leads to its pixel child, where the system can pass such things on; `word` to one that loads,
    and waits to be told how to begin."""

    folder: Path
    process: subprocess.Popen[bytes]
    started_at: float
    locks: Mapping[Path, bytes]
    line: socket.socket | None
    word: socket.socket | None = None

    def begin(self, variables: Mapping[str, str]) -> None:
        """Let it work, with these variables beside those it was started with."""
        if self.word is not None:
            with self.word, suppress(OSError):  # one that has ended is replaced as any other
                self.word.sendall(json.dumps(dict(variables)).encode())

    def dismiss(self) -> None:
        """Nobody needs it: it leaves. Without effect on one that has begun."""
        if self.word is not None and self.word.fileno() >= 0:
            self.word.close()
            if self.line is not None:
                self.line.close()


def await_word(descriptor: int) -> dict[str, str] | None:
    """In a worker that was started to wait: its further variables, or None where it shall leave."""
    with socket.socket(fileno=descriptor) as word, word.makefile("rb") as said:
        words = said.read()
    return json.loads(words) if words else None


def start_ahead(
    folder: Path,
    environment: Mapping[str, str] | None,
    *,
    command: Sequence[str] = WORKER_COMMAND,
) -> Ahead | None:
    """Start a worker unless any lives, without finding out what one of these keys is called: that
    takes as long as a worker needs to start. Without an environment it has ours, and only loads
    until it is told to begin or to leave; None where no such thing can be passed on.
    Raises Internal when no process can be started."""
    paths = list((folder / "workers").glob("*.lock"))
    try:
        if any(map(is_held, paths)):
            return None
    except OSError:
        return None  # left to whoever needs a worker, and hears why there is none
    locks = {path: _content(path) for path in paths}
    if sys.platform == "win32":
        if environment is None:
            return None
        return Ahead(folder, _start(folder, command, environment), time.monotonic(), locks, None)
    with ExitStack() as passed, ExitStack() as kept:

        def pair(flag: str) -> socket.socket:
            ours, theirs = socket.socketpair()
            passed.enter_context(theirs)
            words.extend((flag, str(theirs.fileno())))
            pass_on.append(theirs.fileno())
            return kept.enter_context(ours)

        words, pass_on = list(command), list[int]()
        line = pair("--guest")
        word = pair("--standby") if environment is None else None
        process = _start(folder, words, environment, pass_on=pass_on)
        kept.pop_all()
    return Ahead(folder, process, time.monotonic(), locks, line, word)


def _content(lock: Path) -> bytes:
    try:
        return lock.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""


def _start(
    folder: Path,
    command: Sequence[str],
    environment: Mapping[str, str] | None,
    *,
    pass_on: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    try:
        with _open_log(folder / "worker.log") as log:
            return _start_detached(command, environment, log, pass_on)
    except OSError:
        raise Internal(
            "No worker process could be started.",
            hint="Set MCP_RELIGHT_WORKER=inline to carry jobs out inside the server.",
        ) from None


def _open_log(path: Path) -> IO[bytes]:
    """The workers' stderr: at most two files of about a megabyte each."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _MAX_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def _popen(
    command: Sequence[str],
    environment: Mapping[str, str] | None,
    log: IO[bytes],
    *,
    creationflags: int = 0,
    start_new_session: bool = False,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        creationflags=creationflags,
        start_new_session=start_new_session,
        pass_fds=pass_fds,
    )


if sys.platform == "win32":

    def _start_detached(
        command: Sequence[str],
        environment: Mapping[str, str] | None,
        log: IO[bytes],
        pass_on: Sequence[int],
    ) -> subprocess.Popen[bytes]:
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        away = flags | subprocess.CREATE_BREAKAWAY_FROM_JOB
        try:
            return _popen(command, environment, log, creationflags=away)
        except PermissionError:
            # The client's job object forbids breaking away; the worker then ends with the client.
            return _popen(command, environment, log, creationflags=flags)

else:

    def _start_detached(
        command: Sequence[str],
        environment: Mapping[str, str] | None,
        log: IO[bytes],
        pass_on: Sequence[int],
    ) -> subprocess.Popen[bytes]:
        return _popen(command, environment, log, start_new_session=True, pass_fds=pass_on)
