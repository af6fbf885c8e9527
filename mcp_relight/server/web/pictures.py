"""Pictures by signed links: the bytes of one picture, to whoever has its address."""

from starlette.requests import Request
from starlette.responses import Response

from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.errors import ImageNotFound
from mcp_relight.server.links import PICTURES_PATH, Links
from mcp_relight.service.handle import ServiceHandle

from .refused import Refused
from .routes import WebRoute

_TYPES = {b"\x89PNG": ("image/png", "png"), b"\xff\xd8\xff": ("image/jpeg", "jpg")}


class Pictures:
    """The address itself is the permission, in the name of the owner it was made for."""

    def __init__(self, handle: ServiceHandle, links: Links) -> None:
        self._handle = handle
        self._links = links

    def routes(self) -> list[WebRoute]:
        path = PICTURES_PATH + "{token}"
        return [WebRoute(path=path, endpoint=self._picture, methods=("GET", "HEAD"), scope=None)]

    async def _picture(self, request: Request) -> Response:
        link = self._links.opened(request.path_params["token"])
        if link is None:
            return _gone().response()
        try:
            with acting_as(Caller(link.owner, frozenset(), remote=True)):
                data = await (await self._handle.service()).read_image(link.image_id)
        except ImageNotFound:
            return _gone().response()
        return shown(data, link.image_id)


def shown(data: bytes, name: str) -> Response:
    """A picture, and nothing a browser would run."""
    kinds = [kind for start, kind in _TYPES.items() if data.startswith(start)]
    mime_type, extension = kinds[0] if kinds else ("application/octet-stream", "bin")
    return Response(
        data,
        media_type=mime_type,
        headers={
            "Cache-Control": "private, no-store",
            "Content-Disposition": f'inline; filename="{name}.{extension}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )


def _gone() -> Refused:
    """One answer to forged, expired and forgotten: which it was is nobody's business."""
    words = "This address has expired, or never was one: ask for the job again."
    return Refused(404, "not_found", words)
