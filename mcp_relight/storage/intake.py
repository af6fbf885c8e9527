"""Image references: what a caller hands in, as a checked and stored picture."""

import base64
import binascii
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import anyio.to_thread

from mcp_relight.domain.image import MAX_INPUT_BYTES, URI_PREFIX
from mcp_relight.domain.ports import Downloads, Found, Images, Pixels, Taken
from mcp_relight.errors import ImageNotFound, ImageTooLarge, InvalidArgument, UrlRefused

from .files import file_stem
from .library import inside, newest
from .paths import local_path, read_explicit, read_under

MAX_DATA_URL_BYTES = 4_000_000
FETCH_DEADLINE_S = 60.0

_DATA_URL = re.compile(r"data:(?:image/[\w.+-]+)?;base64,", re.IGNORECASE)
_WEB = re.compile(r"https?:", re.IGNORECASE)


class Intake:
    """`domain.ports.Library`."""

    def __init__(
        self,
        *,
        images: Images,
        pixels: Pixels,
        downloads: Downloads,
        folders: Sequence[Path],
        output_dir: Path,
        local_only: bool,
    ) -> None:
        self._images = images
        self._pixels = pixels
        self._downloads = downloads
        self._folders = tuple(folders)
        self._output_dir = output_dir
        self._local_only = local_only

    async def take(self, reference: str) -> Taken:
        reference = reference.strip()
        if reference.startswith(URI_PREFIX):
            info = await self._images.info(reference.removeprefix(URI_PREFIX))
            return Taken(info=info, name=f"image-{info.image_id[:8]}")
        if reference == "latest":
            return await self._take_file(await self._latest())
        if reference[:5].lower() == "data:":
            return await self._store(_data_url_bytes(reference), "photo")
        if _WEB.match(reference):
            return await self._take_url(reference)
        return await self._take_file(local_path(reference))

    async def take_explicit(self, path: Path) -> Taken:
        data = await anyio.to_thread.run_sync(
            lambda: read_explicit(path, max_bytes=MAX_INPUT_BYTES)
        )
        return await self._store(data, path.stem)

    async def find(self, folder: str | None, *, limit: int) -> list[Found]:
        def look() -> list[Found]:
            chosen = self._folders
            if folder is not None:
                chosen = (inside(Path(folder), self._folders),)
            return newest(chosen, limit=limit)

        return await anyio.to_thread.run_sync(look)

    async def _latest(self) -> Path:
        found = await anyio.to_thread.run_sync(
            lambda: newest(self._folders, limit=1, without=self._output_dir)
        )
        if not found:
            raise ImageNotFound("There is no picture in the allowed folders.")
        return found[0].path

    async def _take_file(self, path: Path) -> Taken:
        data = await anyio.to_thread.run_sync(
            lambda: read_under(path, self._folders, max_bytes=MAX_INPUT_BYTES)
        )
        return await self._store(data, path.stem)

    async def _take_url(self, url: str) -> Taken:
        if self._local_only:
            raise UrlRefused(
                "MCP_RELIGHT_LOCAL_ONLY is set: nothing is fetched.",
                hint="Save the picture to a folder and give its path.",
                argument="image",
            )
        data = await self._downloads.fetch(
            url, max_bytes=MAX_INPUT_BYTES, deadline_s=FETCH_DEADLINE_S
        )
        return await self._store(data, _stem_of(url), url=url)

    async def _store(self, data: bytes, name: str, *, url: str | None = None) -> Taken:
        info = await self._images.put(await self._pixels.inspect(data))
        return Taken(info=info, name=file_stem(name), url=url)


def _data_url_bytes(reference: str) -> bytes:
    head = _DATA_URL.match(reference)
    if head is None:
        raise InvalidArgument(
            "image is a data: URL that is not base64 of an image.",
            hint="Write data:image/png;base64,… or give a path.",
            argument="image",
        )
    text = reference[head.end() :]
    if len(text) > MAX_DATA_URL_BYTES * 4 // 3 + 4:
        raise ImageTooLarge(
            f"image is a data: URL of more than {MAX_DATA_URL_BYTES // 1_000_000} MB.",
            hint="Save the picture to an allowed folder and give its path.",
            argument="image",
        )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument(
            "image is a data: URL whose base64 is broken.",
            hint="Give the whole text, or a path.",
            argument="image",
        ) from None


def _stem_of(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).stem or "photo"
