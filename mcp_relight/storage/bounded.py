"""A folder that holds so many bytes at most: what was not used for longest goes first.

What is in it can be had again, from elsewhere or by computing it. These calls block on the disk.
"""

import logging
import os
import re
from contextlib import suppress
from pathlib import Path

from mcp_relight.errors import Internal, StorageFull

from .disk import clear_leftovers, make_folder, write_file

_log = logging.getLogger(__name__)
_KEY = re.compile(r"[a-z0-9-]{1,240}")


class BoundedFolder:
    """Any number of processes may share it. `staging` is on the same file system; `variable` is the
    setting that errors name."""

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
