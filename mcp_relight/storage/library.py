"""Find picture files in the allowed folders, those that arrived last first. Nothing is decoded.

A file arrives when it is made, changed, or moved to where it is: a photo of last year that is saved
now is newer than one of yesterday. Times in the future are a clock's mistake and count as none.

These calls block on the disk: run them in a worker thread.
"""

import os
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from mcp_relight.domain.image import HEAD_BYTES, format_of
from mcp_relight.domain.library import Found
from mcp_relight.errors import ImageNotFound, InvalidArgument

from .folded import PICTURE_EXTENSIONS, fitting, holds
from .paths import is_plain, local_path

MAX_DEPTH = 5
MAX_ENTRIES = 50_000
"""A walk ends here: enough for years of photos, quick enough for a chat."""

_CLOCKS_APART_NS = 60_000_000_000
"""A network folder's clock may be this much ahead of ours."""


def newest_pictures(
    folders: Sequence[Path],
    *,
    limit: int,
    without: Path | None = None,
    plain_names: bool = False,
    query: str | None = None,
    after: str | None = None,
) -> list[Found]:
    """The picture files in `folders` that arrived last; not those below `without`.

    With `plain_names`, for people and models to read, those whose path hides something are left
    out too. `query` is a part of the name, see `folded`. `after` is the `place` of the last picture
    of the page before. Raises InvalidArgument when it is none.
    """
    listed = [
        found
        for found in _walk(folders, without)
        if (not plain_names or is_plain(str(found.path)))
        and (query is None or holds(found.path.name, query))
    ]
    listed.sort(key=_newest_first)
    if after is not None:
        listed = _behind(listed, after)
    return list(islice((found for found in listed if _is_picture(found.path)), limit))


def pictures_below(folder: Path, *, deep: bool) -> Iterator[Path]:
    """The picture files in a folder, and with `deep` in those below it."""
    found = (one.path for one in _walk([folder], None) if is_plain(one.path.name))
    return (path for path in found if (deep or path.parent == folder) and _is_picture(path))


def pictures_fitting(
    reference: str, folders: Sequence[Path], *, without: Path | None, limit: int
) -> list[Found]:
    """The pictures that a reference may mean, see `folded.fitting`, newest first."""
    listed = {found.path: found for found in _walk(folders, without)}
    path = Path(reference)
    if path.is_absolute():
        with suppress(OSError, RuntimeError, ValueError):
            reference = str(path.parent.resolve() / path.name)
    fits = [listed[path] for path in fitting(reference, listed) if is_plain(str(path))]
    fits.sort(key=_newest_first)
    return list(islice((found for found in fits if _is_picture(found.path)), limit))


def place(found: Found) -> str:
    """Where a picture stands in the order, for the next page to go on from there."""
    return f"{found.arrived_ns:x}-{_sum_of(found.path)}"


def _newest_first(found: Found) -> tuple[int, int, Path]:
    return -found.arrived_ns, -found.modified_ns, found.path


def _behind(listed: list[Found], after: str) -> list[Found]:
    arrived, _, name = after.partition("-")
    try:
        arrived_ns = int(arrived, 16)
    except ValueError:
        raise InvalidArgument(
            "cursor is not one that find_images gave.",
            hint="Leave cursor out to start again.",
            argument="cursor",
        ) from None
    for index, found in enumerate(listed):
        if found.arrived_ns == arrived_ns and _sum_of(found.path) == name:
            return listed[index + 1 :]
    # It was deleted or changed since.
    return [found for found in listed if found.arrived_ns < arrived_ns]


def _sum_of(path: Path) -> str:
    return f"{zlib.crc32(os.fsencode(path)):08x}"


def allowed_folder(reference: str, allowed: Sequence[Path]) -> Path:
    """The folder a caller named, if it lies in one of the allowed ones. Raises InvalidArgument."""
    try:
        folder = local_path(reference).resolve(strict=True)
    except (ImageNotFound, OSError, RuntimeError, ValueError):
        raise _not_allowed() from None
    if not folder.is_dir():
        raise _not_allowed()
    for root in _resolved(allowed):
        if folder.is_relative_to(root):
            inner = folder.relative_to(root).parts
            if not any(part.startswith(".") for part in inner):
                return folder
    raise _not_allowed()


def _walk(folders: Sequence[Path], without: Path | None) -> Iterator[Found]:
    """Breadth first, so that a limit cuts off the deepest folders."""
    seen = set(_resolved([without])) if without is not None else set[Path]()
    roots = [root for root in _resolved(folders) if root not in seen]
    seen.update(roots)
    waiting = deque((root, 1) for root in roots)
    entries = 0
    while waiting:
        folder, depth = waiting.popleft()
        for entry in _entries(folder):
            entries += 1
            if entries > MAX_ENTRIES:
                return
            if entry.name.startswith("."):
                continue
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if depth < MAX_DEPTH and path not in seen:
                    seen.add(path)
                    waiting.append((path, depth + 1))
            elif path.suffix.lower() in PICTURE_EXTENSIONS and entry.is_file(follow_symlinks=False):
                yield from _found(entry)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as scan:
            return list(scan)
    except OSError:
        return []


def _found(entry: os.DirEntry[str]) -> Iterator[Found]:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return
    yield Found(
        path=Path(entry.path),
        bytes=status.st_size,
        arrived_ns=_arrived_ns(status),
        modified_ns=status.st_mtime_ns,
    )


def _arrived_ns(status: os.stat_result) -> int:
    born_ns = int(getattr(status, "st_birthtime", 0) * 1e9)
    times = (status.st_mtime_ns, status.st_ctime_ns, born_ns)
    latest = time.time_ns() + _CLOCKS_APART_NS
    return max((one for one in times if one <= latest), default=0)


def _is_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return format_of(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False


def _resolved(folders: Sequence[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for folder in folders:
        try:
            found[folder.expanduser().resolve(strict=True)] = None
        except (OSError, RuntimeError):
            continue
    return list(found)


def _not_allowed() -> InvalidArgument:
    return InvalidArgument(
        "folder must be a folder inside the allowed folders.",
        hint="Call find_images without folder to see them. MCP_RELIGHT_ALLOWED_DIRS or --allow-dir "
        "allows more.",
        argument="folder",
    )
