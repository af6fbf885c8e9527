"""One-time addresses: a page for a person, and the same address for curl."""

import tempfile
from typing import IO

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.domain.capability import MAX_UPLOAD_BYTES, Upload, Uploads, hash_of, is_text
from mcp_relight.domain.image import URI_PREFIX
from mcp_relight.errors import RelightError
from mcp_relight.server.remote import UPLOADS_PATH
from mcp_relight.service.handle import ServiceHandle

from .page import page_of
from .refused import Refused, refusal_of
from .routes import WebRoute

_BODY_WITHIN_S = 120.0
_IN_MEMORY_BYTES = 1_000_000
_NO_STORE = {"Cache-Control": "no-store"}


class UploadPages:
    """Who has the address gives a picture to the owner who asked for it, once. A picture that is
    refused uses nothing up: another one may be sent instead."""

    def __init__(self, handle: ServiceHandle, uploads: Uploads) -> None:
        self._handle = handle
        self._uploads = uploads

    def routes(self) -> list[WebRoute]:
        path = UPLOADS_PATH + "{token}"
        return [
            WebRoute(path=path, endpoint=self._show, scope=None),
            WebRoute(
                path=path,
                endpoint=self._take,
                methods=("PUT", "POST"),
                scope=None,
                max_body_bytes=MAX_UPLOAD_BYTES,
                body_within_s=_BODY_WITHIN_S,
            ),
        ]

    async def _show(self, request: Request) -> Response:
        _, upload = await self._find(request)
        if upload is None:
            return _gone().response()
        page, policy = page_of("upload")
        return HTMLResponse(page, headers={**_NO_STORE, "Content-Security-Policy": policy})

    async def _take(self, request: Request) -> Response:
        hashed, upload = await self._find(request)
        if upload is None:
            return _gone().response()  # before a byte of the body was read
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
            data = await _read(request, file)
        try:
            with acting_as(Caller(upload.owner, frozenset(), remote=True)):
                service = await self._handle.service()
                image_id = await service.take_bytes(data)
        except RelightError as error:
            return refusal_of(error).response()
        if not await self._uploads.use_upload(hashed):
            return _gone().response()
        return JSONResponse({"image": URI_PREFIX + image_id}, 201, headers=_NO_STORE)

    async def _find(self, request: Request) -> tuple[str, Upload | None]:
        text = request.path_params["token"]
        if not is_text(text):
            return "", None
        hashed = hash_of(text)
        return hashed, await self._uploads.find_upload(hashed)


async def _read(request: Request, file: IO[bytes]) -> bytes:
    """The whole body; a slow one waits on the disk, not in memory. The guard bounds it."""
    async for chunk in request.stream():
        await anyio.to_thread.run_sync(file.write, chunk)
    file.seek(0)
    return await anyio.to_thread.run_sync(file.read)


def _gone() -> Refused:
    words = "This address was used, has expired, or never was one: call upload_image again."
    return Refused(404, "not_found", words)
