"""What a result picture's address serves instead: the kinds of the family `file`."""

import gzip
from collections.abc import Callable
from functools import partial

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mcp_relight.simulator import pictures
from mcp_relight.simulator.pictures import PictureOrder
from mcp_relight.simulator.spoiled_replies import METADATA, with_body

SIGN_IN = "<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>fetch("/secret")</script></svg>'
EXPIRED = (
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code>'
    "<Message>Request has expired</Message></Error>"
)


def gone() -> Response:
    """An object store's answer for an address whose life is over."""
    return Response(EXPIRED, 403, media_type="application/xml")


async def spoil_file(kind: str, honest: Response, request: Request) -> Response:
    """What is served in place of the picture; where there was none, the answer stays."""
    if honest.status_code != 200:
        return honest
    address = str(request.url.replace(query=""))
    if kind == "file_redirect_loop":
        return _redirect(address)
    if kind == "file_redirect":
        return honest if "moved" in request.query_params else _redirect(f"{address}?moved=1")
    return await anyio.to_thread.run_sync(partial(_KINDS[kind], honest))


def _redirect(target: str) -> Response:
    return RedirectResponse(target, 302)


def _png(data: bytes) -> Response:
    return Response(data, media_type="image/png")


def _gzipped(honest: Response) -> Response:
    response = with_body(honest, gzip.compress(honest.body, 1))
    response.headers["content-encoding"] = "gzip"
    return response


def _without_length(honest: Response) -> Response:
    del honest.headers["content-length"]
    return honest


_KINDS: dict[str, Callable[[Response], Response]] = {
    "file_expired": lambda _: gone(),
    "file_html": lambda _: HTMLResponse(SIGN_IN),
    "file_text_as_png": lambda _: _png(b"not a picture at all"),
    "file_svg": lambda _: Response(SVG, media_type="image/svg+xml"),
    "file_bomb": lambda _: _png(pictures.bomb()),
    "file_empty": lambda honest: with_body(honest, b""),
    "file_truncated": lambda honest: with_body(honest, bytes(honest.body[: len(honest.body) // 2])),
    "file_octet_stream": lambda honest: with_body(
        honest, bytes(honest.body), "application/octet-stream"
    ),
    "file_other_format": lambda _: _png(
        pictures.render(PictureOrder(None, 320, 320, "jpg", 85, "left"), None)
    ),
    "file_with_instructions": lambda _: _png(pictures.with_instructions()),
    "file_gzip": _gzipped,
    "file_no_length": _without_length,
    "file_redirect_metadata": lambda _: _redirect(f"{METADATA}/latest/meta-data/"),
    "file_redirect_private": lambda _: _redirect("http://10.20.30.40/out.png"),
    "file_tiny": lambda _: _png(pictures.one_pixel()),
}
