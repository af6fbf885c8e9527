"""Find picture files in the allowed folders, newest first. Nothing is decoded.

These calls block on the disk: run them in a worker thread.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from mcp_relight.domain.image import HEAD_BYTES, format_of
from mcp_relight.domain.ports import Found
from mcp_relight.errors import ImageNotFound, InvalidArgument

from .names import is_plain
from .paths import local_path

MAX_DEPTH = 5
MAX_ENTRIES = 50_000
"""A walk ends here: enough for years of photos, quick enough for a chat."""

_EXTENSIONS = frozenset(
    [".png", ".jpg", ".jpeg", ".jpe", ".webp", ".avif", ".gif", ".heic", ".heif"]
)


def newest_pictures(
    folders: Sequence[Path],
    *,
    limit: int,
    without: Path | None = None,
    plain_names: bool = False,
) -> list[Found]:
    """The newest picture files in `folders`, by modification time; not those below `without`.

    With `plain_names`, for people and models to read, those whose path hides something are left
    out too.
    """
    newest = sorted(_walk(folders, without), key=lambda found: (-found.modified_at, found.path))
    listed = (found for found in newest if not plain_names or is_plain(str(found.path)))
    return list(islice((found for found in listed if _is_picture(found.path)), limit))


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
            elif path.suffix.lower() in _EXTENSIONS and entry.is_file(follow_symlinks=False):
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
    yield Found(path=Path(entry.path), bytes=status.st_size, modified_at=status.st_mtime)


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
