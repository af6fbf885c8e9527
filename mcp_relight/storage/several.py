"""Many pictures in one reference: a folder, a pattern, or a list.

These calls block on the disk: run them in a worker thread.
"""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from fnmatch import translate
from pathlib import Path
from typing import cast

from mcp_relight.domain.image import URI_PREFIX, is_image_id
from mcp_relight.domain.job import is_job_id
from mcp_relight.domain.library import Listed
from mcp_relight.domain.words import value_of
from mcp_relight.errors import ImageNotFound, InvalidArgument

from .library import pictures_below
from .paths import local_paths, safe_stem, written_path

MAX_PICTURES = 200
_ADDRESSES = ("https://", "http://", "data:", URI_PREFIX)
_MAGIC = re.compile(r"[*?]|\[[^\]]+\]")
_DIGITS = re.compile(r"(\d+)")

Roots = Sequence[Path] | None
"""The folders that may be read; None where typing a path allows it."""


def listed(reference: str, folders: Sequence[Path], roots: Roots) -> list[Listed] | None:
    """The pictures of a folder (not of those in it), of a pattern or of a list; None for what names
    one picture. `folders` are those in which a relative path may lie.

    A part of a list that names no file stays as it is, for whoever reads it to refuse. Raises
    InvalidArgument for none or too many.
    """
    parts = _parts(reference, folders, roots)
    if len(parts) == 1 and not _is_many(parts[0], folders, roots):
        return None if parts[0] == reference.strip() else [_one(parts[0], folders, roots)]
    found: dict[str, Listed] = {}
    for part in parts:
        for one in _pictures_of(part, folders, roots):
            found.setdefault(one.reference, one)
    if not found:
        raise InvalidArgument(
            "image: no picture fits this folder or pattern.",
            hint="Give a folder or a pattern with pictures in an allowed folder; find_images lists "
            "some.",
            argument="image",
        )
    if len(found) > MAX_PICTURES:
        raise InvalidArgument(
            f"image names {len(found)} pictures, of which one call takes {MAX_PICTURES}.",
            hint="Narrow the pattern, or make several calls.",
            argument="image",
        )
    return list(found.values())


def _parts(reference: str, folders: Sequence[Path], roots: Roots) -> list[str]:
    text = reference.strip()
    if text.startswith("["):
        with suppress(ValueError, RecursionError):
            values = value_of(text)
            named = cast(list[object], values) if isinstance(values, list) else []
            if named and all(isinstance(one, str) for one in named):
                return [str(one).strip() for one in named if str(one).strip()]
    if "," not in text or text.startswith("data:") or _file(text, folders, roots) is not None:
        return [text]
    parts = [part.strip() for part in text.split(",") if part.strip()]
    # An address may have commas of its own.
    is_list = not parts[0].startswith(_ADDRESSES) or all(
        part.startswith(_ADDRESSES) or is_job_id(part) or is_image_id(part) for part in parts
    )
    return parts if is_list and parts else [text]


def _is_many(part: str, folders: Sequence[Path], roots: Roots) -> bool:
    if part.startswith(_ADDRESSES) or _file(part, folders, roots) is not None:
        return False
    return _MAGIC.search(part) is not None or _folder(part, folders, roots) is not None


def _pictures_of(part: str, folders: Sequence[Path], roots: Roots) -> list[Listed]:
    if not _is_many(part, folders, roots):
        return [_one(part, folders, roots)]
    folder = _folder(part, folders, roots)
    if folder is not None:
        paths = list(pictures_below(folder, deep=False))
    else:
        paths = _fitting_pattern(part, folders, roots)
    return [_listed_file(path) for path in sorted(paths, key=_natural)]


def _fitting_pattern(pattern: str, folders: Sequence[Path], roots: Roots) -> list[Path]:
    """The pictures whose path below the first folder without a wildcard fits; case is no matter."""
    names = Path(written_path(pattern) or pattern).parts
    first = next(at for at, name in enumerate(names) if _MAGIC.search(name))
    base = str(Path(*names[:first])) if first else "."
    folder = _folder(base, folders, roots)
    if folder is None:
        return []
    wanted = names[first:]
    below = pictures_below(folder, deep=len(wanted) > 1)
    return [path for path in below if _fits(path.relative_to(folder).parts, wanted)]


def _fits(names: Sequence[str], wanted: Sequence[str]) -> bool:
    if not wanted:
        return not names
    if wanted[0] == "**":
        return any(_fits(names[at:], wanted[1:]) for at in range(len(names) + 1))
    if not names or not re.match(translate(wanted[0]), names[0], re.IGNORECASE):
        return False
    return _fits(names[1:], wanted[1:])


def _natural(path: Path) -> list[tuple[bool, int, str]]:
    """`img2` before `img10`."""
    parts = _DIGITS.split(str(path).casefold())
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _one(part: str, folders: Sequence[Path], roots: Roots) -> Listed:
    path = None if part.startswith(_ADDRESSES) else _file(part, folders, roots)
    if path is not None:
        return _listed_file(path)
    return Listed(reference=part, name=safe_stem(part.rpartition("/")[2][:80]), identity=part)


def _listed_file(path: Path) -> Listed:
    try:
        status = path.stat()
        identity = json.dumps([str(path), status.st_size, status.st_mtime_ns])
    except OSError:
        identity = str(path)
    return Listed(
        reference=str(path), name=safe_stem(path.stem), identity=identity, folder=path.parent
    )


def _file(part: str, folders: Sequence[Path], roots: Roots) -> Path | None:
    return _existing(part, folders, roots, Path.is_file)


def _folder(part: str, folders: Sequence[Path], roots: Roots) -> Path | None:
    return _existing(part, folders, roots, Path.is_dir)


def _existing(
    part: str, folders: Sequence[Path], roots: Roots, is_kind: Callable[[Path], bool]
) -> Path | None:
    """The real place of that path, if it is of the kind and may be read."""
    with suppress(ImageNotFound, OSError, RuntimeError, ValueError):
        for path in local_paths(part, folders):
            real = path.resolve()
            if is_kind(real) and (roots is None or _is_inside(real, roots)):
                return real
    return None


def _is_inside(real: Path, roots: Sequence[Path]) -> bool:
    for root in roots:
        with suppress(OSError, RuntimeError, ValueError):
            inner = real.relative_to(root.expanduser().resolve()).parts
            if not any(name.startswith(".") for name in inner):
                return True
    return False
