"""Files that are whole or not there: written beside, made durable, then moved into place. And a
folder of them that holds so many bytes at most."""

import errno
import logging
import os
import re
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from mcp_relight.domain.job import is_ahead
from mcp_relight.errors import Internal, InvalidArgument, StorageFull

_FULL = frozenset(
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)
)
_LEFTOVER_AGE_S = 3600.0
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


def make_folder(folder: Path, *, variable: str) -> None:
    """Create a private folder; one that exists stays as it is. Errors as in `write_file`."""
    with _explained(variable):
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)


def check_writable(folder: Path, *, variable: str) -> None:
    """Whether files could be written there now; creates the folder. Errors as in `write_file`."""
    make_folder(folder, variable=variable)
    with _explained(variable), _staged(b"probe", folder):
        pass


def write_file(path: Path, data: bytes, *, staging: Path, variable: str) -> None:
    """Write `path` in one step, replacing what is there. `staging` is on the same file system.

    Raises StorageFull, or InvalidArgument naming `variable` when the folder cannot be written.
    """
    with _explained(variable), _staged(data, staging) as staged:
        staged.replace(path)
        _sync_folder(path.parent)


def write_new_file(path: Path, data: bytes, *, variable: str) -> bool:
    """Write `path` in one step unless it exists; False when it does. Errors as in `write_file`."""
    with _explained(variable), _staged(data, path.parent) as staged:
        try:
            _move_without_replacing(staged, path)
        except FileExistsError:
            return False
        _sync_folder(path.parent)
        return True


def _move_without_replacing(staged: Path, path: Path) -> None:
    try:
        path.hardlink_to(staged)
    except FileExistsError:
        raise
    except OSError:
        # No hard links on this file system: claim the name first, then move onto it.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE_MODE))
        staged.replace(path)


def clear_leftovers(staging: Path) -> None:
    """What a killed process was writing long ago."""
    for path in staging.iterdir():
        with suppress(FileNotFoundError):  # another process may be clearing up as well
            if is_older(path, _LEFTOVER_AGE_S):
                path.unlink()


def is_older(path: Path, age_s: float) -> bool:
    """Whether the file was written longer ago. One that was written before the clock was put back
    counts from now on. Raises FileNotFoundError."""
    written_at, now = path.stat().st_mtime, time.time()
    if is_ahead(written_at, now):
        os.utime(path, (now, now))
        return False
    return written_at < now - age_s


@contextmanager
def _staged(data: bytes, folder: Path) -> Generator[Path]:
    """A durable file of these bytes under a hidden name, gone afterwards."""
    staged = folder / f".{secrets.token_hex(8)}.part"
    try:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(staged, flags, _FILE_MODE), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield staged
    finally:
        with suppress(OSError):
            staged.unlink()


@contextmanager
def _explained(variable: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("The disk is full, so the picture could not be stored.") from None
        raise InvalidArgument(
            f"The folder of {variable} cannot be written.",
            hint=f"Set {variable} to a folder that can be written, then start again.",
        ) from None


def _sync_folder(folder: Path) -> None:
    # Windows cannot open folders; it makes moves durable by itself.
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_log = logging.getLogger(__name__)
_KEY = re.compile(r"[a-z0-9-]{1,240}")


class BoundedFolder:
    """What is in it can be had again, from elsewhere or by computing it; what was not used for
    longest goes first. Any number of processes may share it. `staging` is on the same file system;
    `variable` is the setting that errors name."""

    def __init__(self, folder: Path, *, max_bytes: int, staging: Path, variable: str) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._staging = staging
        self._variable = variable
        self._is_prepared = False

    def read(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)  # used now: evicted later
        except OSError:
            return None
        return data

    def write(self, key: str, data: bytes) -> None:
        """Keeps `data` if there is room; a full disk only means that it is not kept. Raises
        InvalidArgument where the folder cannot be written."""
        path = self._path(key)
        self._prepare()
        try:
            write_file(path, data, staging=self._staging, variable=self._variable)
        except StorageFull:
            _log.warning("the disk is full: a copy was not kept")
            return
        self._evict()

    def delete(self, pattern: str) -> None:
        """Everything of which the key fits, as file names do."""
        with suppress(OSError):
            for path in self._folder.glob(pattern):
                path.unlink(missing_ok=True)

    def _prepare(self) -> None:
        """Make the folders, and clear away what a killed process was writing long ago."""
        if self._is_prepared:
            return
        for folder in (self._folder, self._staging):
            make_folder(folder, variable=self._variable)
        clear_leftovers(self._staging)
        self._is_prepared = True

    def _evict(self) -> None:
        kept = files_in(self._folder)
        total_bytes = sum(status.st_size for _, status in kept)
        for path, status in sorted(kept, key=lambda pair: pair[1].st_mtime_ns):
            if total_bytes <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            total_bytes -= status.st_size

    def _path(self, key: str) -> Path:
        if _KEY.fullmatch(key) is None:
            raise Internal("A cache key is not plain.")
        return self._folder / key


def files_in(folder: Path) -> list[tuple[Path, os.stat_result]]:
    found: list[tuple[Path, os.stat_result]] = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process may be clearing up as well
            found.append((path, path.stat()))
    return found
