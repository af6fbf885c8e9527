"""What the providers keep on public addresses: uploads and results, each with an end of life."""

from collections import OrderedDict
from dataclasses import dataclass

import anyio.to_thread

from mcp_relight.simulator import pictures
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
