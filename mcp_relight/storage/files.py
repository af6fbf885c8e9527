"""The image store: files named by the hash of their bytes, and human-named copies elsewhere.

    images/ab/abcdef….jpg        the bytes
    images/ab/abcdef….json       what is known of them
    cache/<key>                  analyses that can be made again

Everything is written to a temporary file, flushed to the disk and renamed: no reader ever sees half
a picture. Folders are 0700, files 0600.
"""

import errno
import os
import re
import secrets
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import anyio.to_thread
from pydantic import ValidationError

from mcp_relight.domain.image import EXTENSIONS, ImageInfo, image_id_of, is_image_id
from mcp_relight.domain.pixels import Encoded, Inspected
from mcp_relight.errors import ImageNotFound, InvalidArgument, LocalError, StorageFull

T = TypeVar("T")

MAX_CACHE_BYTES = 500_000_000
_MAX_STEM_CHARS = 80
_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|]')
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)$")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ImageFiles:
    """`domain.ports.Images` in a folder."""

    def __init__(self, root: Path) -> None:
        self._images = root / "images"
        self._cache = root / "cache"

    async def put(self, picture: Inspected | Encoded) -> ImageInfo:
        info = ImageInfo(
            image_id=image_id_of(picture.data),
            width=picture.width,
            height=picture.height,
            mime_type=picture.mime_type,
            bytes=len(picture.data),
            has_alpha=picture.has_alpha if isinstance(picture, Inspected) else False,
            warnings=picture.warnings if isinstance(picture, Inspected) else (),
        )
        return await _in_thread(lambda: self._put(info, picture.data))

    async def info(self, image_id: str) -> ImageInfo:
        return await _in_thread(lambda: self._info(image_id))

    async def read(self, image_id: str) -> bytes:
        return await _in_thread(lambda: self._read(image_id))

    async def path(self, image_id: str) -> Path:
        """Where the bytes lie. Raises ImageNotFound."""
        return await _in_thread(lambda: self._place(self._info(image_id)))

    async def publish(self, image_id: str, folder: Path, stem: str) -> Path:
        return await _in_thread(lambda: self._publish(image_id, folder, stem))

    async def delete(self, image_id: str) -> None:
        await _in_thread(lambda: self._delete(image_id))

    async def sizes(self) -> dict[str, int]:
        """Every stored image and its bytes."""
        return await _in_thread(self._sizes)

    async def cached(self, key: str) -> bytes | None:
        return await _in_thread(lambda: self._cached(key))

    async def cache(self, key: str, data: bytes) -> None:
        await _in_thread(lambda: self._keep(key, data))

    def _put(self, info: ImageInfo, data: bytes) -> ImageInfo:
        place, card = self._place(info), self._card(info.image_id)
        if card.exists() and place.exists():
            return self._info(info.image_id)
        _write(place, data)
        # The card comes last: a picture without one does not exist.
        _write(card, info.model_dump_json().encode())
        return info

    def _info(self, image_id: str) -> ImageInfo:
        if not is_image_id(image_id):
            raise _unknown()
        try:
            return ImageInfo.model_validate_json(self._card(image_id).read_bytes())
        except (OSError, ValidationError):
            raise _unknown() from None

    def _read(self, image_id: str) -> bytes:
        try:
            return self._place(self._info(image_id)).read_bytes()
        except FileNotFoundError:
            raise _unknown() from None

    def _publish(self, image_id: str, folder: Path, stem: str) -> Path:
        info = self._info(image_id)
        data = self._read(image_id)
        name = file_stem(stem)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return _write_new(folder, name, info.extension, data)
        except OSError as error:
            if error.errno in _FULL:
                raise StorageFull("The disk of the output folder is full.") from None
            raise InvalidArgument(
                "The output folder cannot be written.",
                hint="Set MCP_RELIGHT_OUTPUT_DIR to a folder that can, or free this one.",
            ) from None

    def _delete(self, image_id: str) -> None:
        try:
            place = self._place(self._info(image_id))
        except ImageNotFound:
            return
        self._card(image_id).unlink(missing_ok=True)
        place.unlink(missing_ok=True)

    def _sizes(self) -> dict[str, int]:
        return {
            path.stem: path.stat().st_size
            for path in self._images.glob("??/*")
            if path.suffix in EXTENSIONS.values() and is_image_id(path.stem)
        }

    def _cached(self, key: str) -> bytes | None:
        path = self._cache / key
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data

    def _keep(self, key: str, data: bytes) -> None:
        """A cache that cannot be written is only a slower one."""
        try:
            _write(self._cache / key, data)
            _shrink(self._cache, MAX_CACHE_BYTES)
        except (OSError, LocalError):
            return

    def _place(self, info: ImageInfo) -> Path:
        return self._images / info.image_id[:2] / (info.image_id + info.extension)

    def _card(self, image_id: str) -> Path:
        return self._images / image_id[:2] / (image_id + ".json")


def file_stem(text: str) -> str:
    """A stem every file system takes: no separators, control characters, reserved names or
    leading dots, at most 80 characters."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(char if char.isprintable() else "_" for char in text)
    text = _NOT_IN_NAMES.sub("_", text).strip(" .")[:_MAX_STEM_CHARS].strip(" .")
    return f"_{text}" if _RESERVED.match(text) else text or "photo"


async def _in_thread(work: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(work)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all. Raises StorageFull, or LocalError where nothing can be written."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in _FULL:
            raise StorageFull("The disk of the data folder is full.") from None
        raise LocalError(
            "The data folder cannot be written.", hint="Set MCP_RELIGHT_DATA_DIR to another."
        ) from None


def _write_new(folder: Path, name: str, extension: str, data: bytes) -> Path:
    """Under a name nobody has, taken atomically: `name.jpg`, `name-2.jpg`, …"""
    temporary = folder / f".{secrets.token_hex(8)}{extension}"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        number = 1
        while True:
            target = folder / (
                f"{name}{extension}" if number == 1 else f"{name}-{number}{extension}"
            )
            try:
                _take_name(temporary, target)
            except FileExistsError:
                number += 1
            else:
                return target
    finally:
        temporary.unlink(missing_ok=True)


def _take_name(source: Path, target: Path) -> None:
    """Like a rename that never replaces."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        # No hard links here (FAT, some network drives): take the name first, then fill it.
        with target.open("xb"):
            pass
        source.replace(target)


def _shrink(folder: Path, max_bytes: int) -> None:
    """Drop the longest unused until the rest fits."""
    files = sorted(
        ((path.stat().st_mtime, path.stat().st_size, path) for path in folder.iterdir()),
        reverse=True,
    )
    kept = 0
    for _, size, path in files:
        kept += size
        if kept > max_bytes:
            path.unlink(missing_ok=True)


def _unknown() -> ImageNotFound:
    return ImageNotFound(
        "No stored image has that id.", hint="Use an id from get_job, or call find_images."
    )
