"""Locks on files, held by the operating system and given up by it when a process ends.

A lease would misjudge a suspended laptop; a lock does not.
"""

import os
import secrets
import sys
import time
from pathlib import Path
from typing import Self

_RETRY_S = 0.01
START_WAIT_S = 2.0
"""A prober holds a worker's lock for an instant; who starts tries for this long before it believes
that another worker lives."""


class FileLock:
    """An exclusive lock on a file that this process holds until `release`, or until it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, *, wait_s: float = 0.0) -> Self | None:
        """The lock, or None when it is still held elsewhere after `wait_s`."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        deadline = time.monotonic() + wait_s
        while not _try_lock(descriptor, shared=False):
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(_RETRY_S)
        return cls(descriptor)

    def write(self, text: str) -> None:
        """Replace the content of the locked file."""
        data = text.encode()
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, data)

    def release(self) -> None:
        _unlock(self._descriptor)
        os.close(self._descriptor)


def is_held(path: Path) -> bool:
    """Whether somebody holds this lock now."""
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        if not _try_lock(descriptor, shared=True):
            return True
        _unlock(descriptor)
        return False
    finally:
        os.close(descriptor)


class WorkerLock:
    """What makes a worker the living one of its name: a lock on `workers/<name>.lock`.

    The file holds the incarnation, so that rows which name an earlier worker of the same name are
    recognised as orphans.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path = lock_path(folder, name)
        self._incarnation = secrets.token_hex(8)
        self._lock: FileLock | None = None
        self._is_unique = False
        self.worker_id = f"{name}.{self._incarnation}"

    @classmethod
    def of_one_process(cls, folder: Path) -> Self:
        """A name nobody else has: the worker inside a server."""
        lock = cls(folder, f"inline-{secrets.token_hex(8)}")
        lock._is_unique = True
        return lock

    def take(self, *, wait_s: float = START_WAIT_S) -> bool:
        """False when another worker of this name lives."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock.take(self._path, wait_s=wait_s)
        if lock is None:
            return False
        lock.write(self._incarnation)
        self._lock = lock
        return True

    def release(self) -> None:
        """Give the name up; doing so twice is harmless."""
        if self._lock is None:
            return
        self._lock.release()
        self._lock = None
        if self._is_unique:
            # Deleting a shared name would let two workers hold "the" lock on two files.
            self._path.unlink(missing_ok=True)


def lock_path(folder: Path, name: str) -> Path:
    return folder / "workers" / f"{name}.lock"


def is_living(folder: Path, worker_id: str) -> bool:
    """Whether this very incarnation of a worker still runs."""
    name, _, incarnation = worker_id.rpartition(".")
    path = lock_path(folder, name)
    if not is_held(path):
        return False
    # Between taking the lock and writing its incarnation, a new worker shows its predecessor's:
    # an orphan then looks alive for an instant, and is found at the next look.
    try:
        return path.read_text("ascii") == incarnation
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    # A locked range cannot be read on Windows, so the lock lies far behind the content.
    _FAR_BYTE = 1 << 30

    def _try_lock(descriptor: int, *, shared: bool) -> bool:
        os.lseek(descriptor, _FAR_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int, *, shared: bool) -> bool:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
