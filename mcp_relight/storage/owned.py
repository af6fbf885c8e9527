"""The image store as its callers see it: everybody has their own pictures, and no others.

Each of their pictures has a row that says so, also where equal bytes are stored once for all. What
another has is "not found", in the words and by the steps of an id that never was.
"""

from pathlib import Path

import anyio

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.image import ImageInfo, image_id_of, is_image_id
from mcp_relight.domain.owners import Ownership
from mcp_relight.domain.pixels import Encoded, Inspected
from mcp_relight.domain.ports import Images
from mcp_relight.errors import StorageFull

from .files import no_such_image

_TRIES, _PAUSE_S = 100, 0.1


class OwnedImages:
    """Implements `Images` over a store of bytes.

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
