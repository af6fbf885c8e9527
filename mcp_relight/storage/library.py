"""Finding pictures in the allowed folders."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mcp_relight.domain.ports import Found
from mcp_relight.errors import InvalidArgument

_EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".heic", ".heif"}
_MAX_DEPTH = 4
_MAX_ENTRIES = 20_000


def newest(folders: Sequence[Path], *, limit: int, without: Path | None = None) -> list[Found]:
    """The newest pictures by their names, newest first; nothing is opened.

    The walk is bounded, follows no links and skips hidden entries.
    """
    found = {item.path: item for folder in folders for item in _walk(folder, without)}
    return sorted(found.values(), key=lambda item: item.modified_at, reverse=True)[:limit]


def inside(folder: Path, allowed: Sequence[Path]) -> Path:
    """The folder, resolved. Raises InvalidArgument when it is in none of the allowed ones."""
    try:
        real = folder.expanduser().resolve(strict=True)
        roots = [root.resolve() for root in allowed]
    except (OSError, RuntimeError):
        real, roots = folder, []
    if not any(real.is_relative_to(root) for root in roots) or not real.is_dir():
        raise InvalidArgument(
            "folder is not one of the allowed folders.",
            hint="Call find_images without folder to see them; MCP_RELIGHT_ALLOWED_DIRS or "
            "--allow-dir adds one.",
            argument="folder",
        )
    return real


def _walk(root: Path, without: Path | None) -> Iterator[Found]:
    seen = 0
    pending = [(root, 0)]
    while pending:
        folder, depth = pending.pop()
        for entry in _entries(folder):
            seen += 1
            if seen > _MAX_ENTRIES:
                return
            path = Path(entry.path)
            if entry.name.startswith(".") or (without is not None and path == without):
                continue
            if entry.is_dir(follow_symlinks=False) and depth < _MAX_DEPTH:
                pending.append((path, depth + 1))
            elif path.suffix.lower() in _EXTENSIONS and entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                yield Found(path=path, bytes=status.st_size, modified_at=status.st_mtime)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
