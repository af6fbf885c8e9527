"""From what a caller calls a picture to a stored, checked image."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import anyio.to_thread

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.image import MAX_INPUT_BYTES, URI_PREFIX
from mcp_relight.domain.library import FoundPage, Listed, Taken
from mcp_relight.domain.ports import Downloads, Images, Pixels
from mcp_relight.errors import ImageNotFound, ImageTooLarge, InvalidArgument, UrlRefused

from .library import allowed_folder, newest_pictures, pictures_fitting, place
from .paths import NO_NAME, local_paths, read_explicit, read_under, safe_stem, written_path
from .several import listed

_Result = TypeVar("_Result")

LATEST = "latest"
MAX_DATA_URI_BYTES = 4_000_000
MAX_LIST_CHARS = 100_000
_NAMED = 5
"""How many pictures an error names that all fit."""

_FETCH_DEADLINE_S = 30.0
_DATA_URI = re.compile(r"data:\s*[a-z0-9/.+-]*(?:;\s*[a-z0-9=.+-]+)*?;\s*base64\s*,", re.IGNORECASE)
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_WEB = ("https://", "http://")
_LOOK_ELSEWHERE = (
    "Check the spelling. Only pictures in the allowed folders can be read: save it there, or allow "
    "its folder with MCP_RELIGHT_ALLOWED_DIRS or --allow-dir. find_images lists recent ones. A "
    "picture attached to a chat never reaches this server."
)


class Intake:
    """Implements `Library`.

    `folders` are those whose pictures callers may name who sit at this machine;
    `output_dir` is left out of `latest`. With `local_only` web addresses are refused.
    """

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
        start = reference[:8].lower()
        if reference.startswith(URI_PREFIX):
            info = await self._images.info(reference.removeprefix(URI_PREFIX))
            return Taken(info=info, name=NO_NAME)
        if start.startswith("data:"):
            return await self._store(_data_uri_bytes(reference), NO_NAME)
        if start.startswith(_WEB):
            return await self._fetch(reference)
        _check_is_at_home()
        with _looking_elsewhere():
            if reference.lower() == LATEST:
                return await self._take_found(await self._latest())
            try:
                paths = local_paths(reference, self._folders)
                data = await _in_thread(partial(_read_first, paths, self._folders))
            except ImageNotFound as error:
                fitting = await self._fitting(reference) if _is_unread(error) else None
                if fitting is None:
                    raise
                return await self._take_found(fitting)
        return await self._store(data, safe_stem(paths[0].stem))

    async def _take_found(self, path: Path) -> Taken:
        data = await _in_thread(partial(_read_first, [path], self._folders))
        return replace(await self._store(data, safe_stem(path.stem)), was_found=True)

    async def _fitting(self, reference: str) -> Path | None:
        """The one picture that a reference fits which names none. Raises ImageNotFound for more."""
        text = written_path(reference)
        if text is None:
            return None
        for without in (self._output_dir, None):  # a photo goes before what was made of it
            search = partial(
                pictures_fitting, text, self._folders, without=without, limit=_NAMED + 1
            )
            found = await _in_thread(search)
            if len(found) == 1:
                return found[0].path
            if found:
                raise self._several([one.path for one in found])
        return None

    def _several(self, paths: Sequence[Path]) -> ImageNotFound:
        named = ", ".join(json.dumps(str(path), ensure_ascii=False) for path in paths[:_NAMED])
        more = " and more" if len(paths) > _NAMED else ""
        return ImageNotFound(
            "Several pictures fit that name.", hint=f"Give one of them: {named}{more}."
        )

    async def take_explicit(self, path: Path) -> Taken:
        data = await _in_thread(partial(read_explicit, path, max_bytes=MAX_INPUT_BYTES))
        return await self._store(data, safe_stem(path.stem))

    async def several(self, reference: str) -> tuple[Listed, ...] | None:
        return await self._several_of(reference, self._folders)

    async def several_explicit(self, reference: str) -> tuple[Listed, ...] | None:
        return await self._several_of(reference, None)

    async def _several_of(
        self, reference: str, roots: Sequence[Path] | None
    ) -> tuple[Listed, ...] | None:
        if current_caller().remote or len(reference) > MAX_LIST_CHARS:
            return None
        found = await _in_thread(partial(listed, reference, self._folders, roots))
        return None if found is None else tuple(found)

    async def find(
        self,
        folder: str | None,
        *,
        limit: int,
        query: str | None = None,
        cursor: str | None = None,
        results: bool = False,
    ) -> FoundPage:
        _check_is_at_home()
        folders = self._folders
        if folder is not None:
            folders = (await _in_thread(partial(allowed_folder, folder, folders)),)
        search = partial(
            newest_pictures,
            folders,
            limit=limit + 1,
            without=None if results else self._output_dir,
            plain_names=True,
            query=query,
            after=cursor,
        )
        found = await _in_thread(search)
        return FoundPage(tuple(found[:limit]), place(found[limit - 1]) if found[limit:] else None)

    async def _latest(self) -> Path:
        search = partial(newest_pictures, self._folders, limit=1, without=self._output_dir)
        found = await _in_thread(search)
        if not found:
            raise ImageNotFound(
                "There is no picture in the allowed folders.",
                hint="Save one there, or allow its folder with MCP_RELIGHT_ALLOWED_DIRS or "
                "--allow-dir.",
            )
        return found[0].path

    async def _fetch(self, url: str) -> Taken:
        if self._local_only:
            raise UrlRefused(
                "Nothing is fetched from the web while MCP_RELIGHT_LOCAL_ONLY is set.",
                hint="Save the picture to an allowed folder and give its path.",
                argument="image",
            )
        data = await self._downloads.fetch(
            url, max_bytes=MAX_INPUT_BYTES, deadline_s=_FETCH_DEADLINE_S
        )
        passed_on = url if self._downloads.may_be_passed_on(url) else None
        return await self._store(data, _name_in(url), url=passed_on)

    async def _store(self, data: bytes, name: str, *, url: str | None = None) -> Taken:
        info = await self._images.put(await self._pixels.inspect(data))
        return Taken(info=info, name=name, url=url)


def _check_is_at_home() -> None:
    """Raises InvalidArgument for whoever sits at another machine: no file of this one is theirs,
    and nothing may tell whether there is one."""
    if current_caller().remote:
        raise InvalidArgument(
            "That names no picture of yours: files of the server cannot be named.",
            hint="Call upload_image to send a picture, or give one https://, data: or "
            "relight://images/ address, or a job_id.",
            argument="image",
        )


def named_bytes(reference: str, folders: Sequence[Path], *, is_typed: bool) -> bytes:
    """The bytes of a file that is named by its path, as `take` reads them; one that `is_typed` by
    the person at this terminal may lie anywhere. Raises RequestError."""
    if is_typed:
        return read_explicit(Path(reference).expanduser().absolute(), max_bytes=MAX_INPUT_BYTES)
    return _read_first(local_paths(reference, folders), folders)


def _read_first(paths: Sequence[Path], roots: Sequence[Path]) -> bytes:
    """The bytes at the first of these paths where a picture can be read."""
    for path in paths[:-1]:
        with suppress(ImageNotFound):
            return read_under(path, roots, max_bytes=MAX_INPUT_BYTES)
    return read_under(paths[-1], roots, max_bytes=MAX_INPUT_BYTES)


def _is_unread(error: ImageNotFound) -> bool:
    """Whether the reference led nowhere, and not to a folder."""
    return error.hint == ImageNotFound.default_hint


@contextmanager
def _looking_elsewhere() -> Generator[None]:
    """One text for missing and forbidden; its hint may well name both causes."""
    try:
        yield
    except ImageNotFound as error:
        if not _is_unread(error):
            raise
        raise ImageNotFound(error.message, hint=_LOOK_ELSEWHERE) from None


def _data_uri_bytes(reference: str) -> bytes:
    start = _DATA_URI.match(reference[:200])
    if start is None:
        raise InvalidArgument(
            "A data: image must be written in base64: data:image/png;base64,...",
            hint="Encode the picture as base64, or save it to a folder and give its path.",
            argument="image",
        )
    text = _base64_text(reference[start.end() :])
    if len(text) > (MAX_DATA_URI_BYTES + 2) // 3 * 4:
        raise ImageTooLarge(
            f"A data: image may have at most {MAX_DATA_URI_BYTES // 1_000_000} MB.",
            hint="Save the picture to a folder and give its path.",
        )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument(
            "The data: image is not valid base64.",
            hint="Encode the whole picture again, or save it to a folder and give its path.",
            argument="image",
        ) from None


def _base64_text(text: str) -> bytes:
    """As encoders write it: wrapped into lines, escaped or spelled for an address, unpadded."""
    if "%" in text:
        text = unquote(text, errors="replace")
    bare = "".join(text.split()).encode(errors="replace").translate(_URL_SAFE).rstrip(b"=")
    return bare + b"=" * (-len(bare) % 4)


def _name_in(url: str) -> str:
    """The stem of the last part of the address's path."""
    last = unquote(urlsplit(url).path, errors="replace").rpartition("/")[2]
    return safe_stem(Path(last).stem)


async def _in_thread(call: Callable[[], _Result]) -> _Result:
    """Blocking file work, off the event loop. A network folder may hang: cancelling leaves it."""
    return await anyio.to_thread.run_sync(call, abandon_on_cancel=True)
