"""The image store on a local disk; and as its callers see it, where everybody has their own
pictures and no others.

images/ab/ab12….png    the bytes, named by their hash
images/ab/ab12….json   what is known of them; written last, so its presence means "stored"
cache/…                analyses, evicted oldest first; the names of those of a picture hold its id
staging/…              files being written
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
from pydantic import ValidationError

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.image import (
    Encoded,
    ImageInfo,
    Inspected,
    image_id_of,
    info_of,
    is_image_id,
)
from mcp_relight.domain.owners import Ownership
from mcp_relight.domain.ports import Images
from mcp_relight.errors import ImageNotFound, InvalidArgument, StorageFull

from .disk import (
    BoundedFolder,
    check_writable,
    clear_leftovers,
    files_in,
    is_older,
    make_folder,
    write_file,
    write_new_file,
)
from .paths import safe_stem

_Result = TypeVar("_Result")

_DATA_DIR, _OUTPUT_DIR = "MCP_RELIGHT_DATA_DIR", "MCP_RELIGHT_OUTPUT_DIR"
_SIDECAR = ".json"
_UNUSED_AGE_S = 86_400.0
"""A picture that was asked for more recently may be on its way into a job that has no row yet."""
_MAX_SAME_NAMES = 10_000


class ImageFiles:
    """Implements `Images` below one private folder. Any number of processes may share it."""

    def __init__(self, root: Path, *, cache_max_bytes: int = 256_000_000) -> None:
        self._root = root
        self._images = root / "images"
        self._staging = root / "staging"
        self._cache = BoundedFolder(
            root / "cache", max_bytes=cache_max_bytes, staging=self._staging, variable=_DATA_DIR
        )
        self._is_prepared = False

    async def put(self, picture: Inspected | Encoded) -> ImageInfo:
        """Raises StorageFull, or InvalidArgument when the data folder cannot be written."""
        return await _in_thread(partial(self._put, picture))

    async def info(self, image_id: str) -> ImageInfo:
        return await _in_thread(partial(self._info, image_id))

    async def read(self, image_id: str) -> bytes:
        return await _in_thread(partial(self._read, image_id))

    async def check_folder(self, folder: Path) -> None:
        await _in_thread(partial(check_writable, folder, variable=_OUTPUT_DIR))

    async def publish(self, image_id: str, folder: Path, stem: str) -> Path:
        """Also raises StorageFull, or InvalidArgument when `folder` cannot be written."""
        return await _in_thread(partial(self._publish, image_id, folder, stem))

    async def delete(self, image_id: str) -> None:
        """Deleting what is not there is no error."""
        await _in_thread(partial(self._delete, image_id))

    async def unpublish(self, path: Path) -> bool:
        return await _in_thread(partial(self._unpublish, path))

    async def delete_unused(self, image_ids: Iterable[str]) -> None:
        """Delete those of the pictures, which no job names, that nobody asked for in a day."""
        await _in_thread(partial(self._delete_unused, image_ids))

    async def sizes(self) -> dict[str, int]:
        """The bytes of every stored image, by id."""
        return await _in_thread(self._sizes)

    async def cached(self, key: str) -> bytes | None:
        return await _in_thread(partial(self._cache.read, key))

    async def cache(self, key: str, data: bytes) -> None:
        """Keeps `data` if there is room; a full disk only means that it is not kept."""
        await _in_thread(partial(self._keep, key, data))

    def _put(self, picture: Inspected | Encoded) -> ImageInfo:
        self._prepare()
        info = info_of(picture)
        try:
            return self._info(info.image_id)
        except ImageNotFound:
            pass
        make_folder(self._sidecar(info.image_id).parent, variable=_DATA_DIR)
        self._write(self._data(info), picture.data)
        self._write(self._sidecar(info.image_id), info.model_dump_json().encode())
        return info

    def _info(self, image_id: str) -> ImageInfo:
        """Also notes that somebody asked for it."""
        if not is_image_id(image_id):
            raise no_such_image()
        with suppress(OSError):  # not there, or a folder that can only be read
            os.utime(self._sidecar(image_id))
        try:
            info = ImageInfo.model_validate_json(self._sidecar(image_id).read_bytes())
            stored_bytes = self._data(info).stat().st_size
        except (OSError, ValidationError):
            raise no_such_image() from None
        if stored_bytes != info.bytes:
            raise no_such_image()
        return info

    def _read(self, image_id: str) -> bytes:
        path = self._data(self._info(image_id))
        try:
            return path.read_bytes()
        except OSError:
            raise no_such_image() from None

    def _publish(self, image_id: str, folder: Path, stem: str) -> Path:
        data, extension = self._read(image_id), self._info(image_id).extension
        make_folder(folder, variable=_OUTPUT_DIR)
        stem = safe_stem(stem)
        for number in range(1, _MAX_SAME_NAMES):
            name = stem if number == 1 else f"{stem}-{number}"
            path = folder / (name + extension)
            if not path.exists() and write_new_file(path, data, variable=_OUTPUT_DIR):
                return path
        raise InvalidArgument(
            "Too many pictures of this name are in the output folder.",
            hint=f"Move some of them, or set {_OUTPUT_DIR} to another folder.",
        )

    def _unpublish(self, path: Path) -> bool:
        """Only a plain file with the very bytes of a stored picture: what a person has edited
        since, or put in its place, is theirs."""
        try:
            if path.is_symlink() or not path.is_file():
                return False
            self._info(image_id_of(path.read_bytes()))
            path.unlink()
        except (OSError, ImageNotFound):
            return False
        return True

    def _delete(self, image_id: str) -> None:
        if is_image_id(image_id):
            self._cache.delete(f"*-{image_id}*")
        try:
            info = self._info(image_id)
        except ImageNotFound:
            return
        # First what makes it count as stored.
        self._sidecar(image_id).unlink(missing_ok=True)
        self._data(info).unlink(missing_ok=True)

    def _delete_unused(self, image_ids: Iterable[str]) -> None:
        for image_id in image_ids:
            with suppress(FileNotFoundError):
                if is_older(self._sidecar(image_id), _UNUSED_AGE_S):
                    self._delete(image_id)

    def _sizes(self) -> dict[str, int]:
        self._prepare()
        return {
            path.stem: status.st_size
            for folder in self._images.iterdir()
            if folder.is_dir()  # file managers leave notes of their own beside
            for path, status in files_in(folder)
            if path.suffix != _SIDECAR
        }

    def _keep(self, key: str, data: bytes) -> None:
        self._prepare()
        self._cache.write(key, data)

    def _prepare(self) -> None:
        """Make the folders, and clear away what a killed process was writing long ago."""
        if self._is_prepared:
            return
        for folder in (self._root, self._images, self._staging):
            make_folder(folder, variable=_DATA_DIR)
        clear_leftovers(self._staging)
        self._is_prepared = True

    def _write(self, path: Path, data: bytes) -> None:
        write_file(path, data, staging=self._staging, variable=_DATA_DIR)

    def _data(self, info: ImageInfo) -> Path:
        return self._sidecar(info.image_id).with_suffix(info.extension)

    def _sidecar(self, image_id: str) -> Path:
        return self._images / image_id[:2] / (image_id + _SIDECAR)


def no_such_image() -> ImageNotFound:
    """Of an id that never was, that was pruned, or that is another owner's, all alike."""
    return ImageNotFound(
        "No stored image has this id.",
        hint="It may have been pruned: give the picture's path, or run the request again.",
    )


async def _in_thread(call: Callable[[], _Result]) -> _Result:
    return await anyio.to_thread.run_sync(call)


_TRIES, _PAUSE_S = 100, 0.1


class OwnedImages:
    """Implements `Images` over a store of bytes. Each picture of an owner has a row that says so,
    also where equal bytes are stored once for all; what another has is "not found", in the words
    and by the steps of an id that never was.

    `unlisted` is the owner to whom this machine belongs: everything in its data folder is theirs,
    without rows, and goes when the tidy-up finds that nobody needs it. With `bounded` nobody brings
    in more than they have room for; what a worker made is kept in any case.
    """

    def __init__(
        self, images: Images, ownership: Ownership, *, unlisted: str | None, bounded: bool
    ) -> None:
        self._images = images
        self._ownership = ownership
        self._unlisted = unlisted
        self._bounded = bounded

    async def put(self, picture: Inspected | Encoded) -> ImageInfo:
        """Also raises BudgetExceeded."""
        if not self._is_unlisted():
            await self._keep(image_id_of(picture.data), len(picture.data))
        return await self._images.put(picture)

    async def info(self, image_id: str) -> ImageInfo:
        await self._check(image_id)
        return await self._images.info(image_id)

    async def read(self, image_id: str) -> bytes:
        await self._check(image_id)
        return await self._images.read(image_id)

    async def check_folder(self, folder: Path) -> None:
        await self._images.check_folder(folder)

    async def publish(self, image_id: str, folder: Path, stem: str) -> Path | None:
        await self._check(image_id)
        return await self._images.publish(image_id, folder, stem)

    async def delete(self, image_id: str) -> None:
        """The caller's; the bytes too, once they are nobody's."""
        if not is_image_id(image_id):
            return
        owner, is_gone = current_caller().owner, False
        if await self._ownership.let_go(owner, image_id):
            try:
                if self._unlisted is None or self._is_unlisted():
                    await self._images.delete(image_id)
                is_gone = True
            finally:
                with anyio.CancelScope(shield=True):
                    await self._ownership.buried(owner, image_id, is_gone=is_gone)

    async def unpublish(self, path: Path) -> bool:
        return await self._images.unpublish(path)

    async def cached(self, key: str) -> bytes | None:
        return await self._images.cached(key)

    async def cache(self, key: str, data: bytes) -> None:
        await self._images.cache(key, data)

    def _is_unlisted(self) -> bool:
        return current_caller().owner == self._unlisted

    async def _check(self, image_id: str) -> None:
        """Raises ImageNotFound."""
        if self._is_unlisted():
            return
        owner = current_caller().owner
        if not is_image_id(image_id) or not await self._ownership.holds(owner, image_id):
            raise no_such_image()

    async def _keep(self, image_id: str, size: int) -> None:
        owner = current_caller().owner
        for _ in range(_TRIES):
            if await self._ownership.keep(owner, image_id, size, bounded=self._bounded):
                return
            await anyio.sleep(_PAUSE_S)  # its bytes are being deleted: they are written anew
        raise StorageFull("The picture is being deleted.", hint="Try again in a minute.")
