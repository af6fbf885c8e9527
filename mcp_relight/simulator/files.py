"""What the providers keep on public addresses: uploads and results, each with an end of life."""

import gzip
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import anyio.to_thread

from mcp_relight.simulator import pictures
from mcp_relight.simulator.exchange import Ask, Reply
from mcp_relight.simulator.pictures import PictureOrder

RENDERED_KEPT = 32


@dataclass(frozen=True)
class StoredFile:
    """Bytes as uploaded, or a picture drawn when somebody asks for it."""

    content: bytes | PictureOrder
    media_type: str
    expires_at: float


class Files:
    """Addresses under /files/, sources by hash, and the last few pictures drawn."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}
        self._sources: dict[str, bytes] = {}
        self._drawn: OrderedDict[PictureOrder, bytes] = OrderedDict()

    def put(self, path: str, file: StoredFile) -> None:
        self._files[path] = file

    def keep_source(self, digest: str, data: bytes) -> None:
        self._sources[digest] = data

    def find(self, path: str, now: float) -> StoredFile | None:
        file = self._files.get(path)
        return file if file and file.expires_at > now else None

    async def read(self, file: StoredFile) -> bytes:
        if isinstance(file.content, bytes):
            return file.content
        return await self.draw(file.content)

    async def draw(self, order: PictureOrder) -> bytes:
        if order not in self._drawn:
            source = self._sources.get(order.source) if order.source else None
            drawn = await anyio.to_thread.run_sync(pictures.render, order, source)
            self._drawn[order] = drawn
            while len(self._drawn) > RENDERED_KEPT:
                self._drawn.popitem(last=False)
            return drawn
        self._drawn.move_to_end(order)
        return self._drawn[order]

    def clear(self) -> None:
        self._files.clear()
        self._sources.clear()
        self._drawn.clear()


GONE = Reply(
    403,
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code>'
    b"<Message>Request has expired</Message></Error>",
    media_type="application/xml",
)
HTML = b"<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>fetch("/secret")</script></svg>'


def _picture(data: bytes, media_type: str = "image/png") -> Reply:
    return Reply(200, data, media_type=media_type)


def _redirect(target: str) -> Reply:
    return Reply(302, b"", headers={"location": target})


def _jpeg_called_png(_honest: Reply) -> Reply:
    order = PictureOrder(None, 320, 320, "jpg", 85, "left")
    return _picture(pictures.render(order, None))


# One function per `file` kind: from the honest reply and the question to what is served instead.
_SIMPLE: dict[str, Callable[[Reply], Reply]] = {
    "file_expired": lambda _honest: GONE,
    "file_html": lambda _honest: _picture(HTML, "text/html"),
    "file_text_as_png": lambda _honest: _picture(b"not a picture at all"),
    "file_svg": lambda _honest: _picture(SVG, "image/svg+xml"),
    "file_bomb": lambda _honest: _picture(pictures.bomb()),
    "file_empty": lambda honest: _picture(b"", honest.media_type),
    "file_truncated": lambda honest: _picture(
        honest.payload()[: len(honest.payload()) // 2], honest.media_type
    ),
    "file_octet_stream": lambda honest: _picture(honest.payload(), "application/octet-stream"),
    "file_other_format": _jpeg_called_png,
    "file_with_instructions": lambda _honest: _picture(pictures.with_instructions()),
    "file_gzip": lambda honest: Reply(
        200,
        gzip.compress(honest.payload(), 1),
        headers={"content-encoding": "gzip"},
        media_type=honest.media_type,
    ),
    "file_no_length": lambda honest: Reply(
        200, honest.payload(), media_type=honest.media_type, chunked=True
    ),
    "file_redirect_metadata": lambda _honest: _redirect("http://169.254.169.254/latest/meta-data/"),
    "file_redirect_private": lambda _honest: _redirect("http://10.20.30.40/out.png"),
    "file_tiny": lambda _honest: _picture(pictures.one_pixel()),
}


async def spoil_file(kind: str, honest: Reply, ask: Ask) -> Reply:
    address = f"{ask.origin}/files/{ask.provider}/{ask.path['rest']}"
    if kind == "file_redirect_loop":
        return _redirect(address)
    if kind == "file_redirect":
        return honest if "moved" in ask.query else _redirect(f"{address}?moved=1")
    return await anyio.to_thread.run_sync(partial(_SIMPLE[kind], honest))
