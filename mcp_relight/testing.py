"""Fakes of the ports, and the suites an implementation of a port must pass.

Shipped, so that a package with a provider of its own can use them in its tests.
"""

from collections.abc import Sequence
from pathlib import Path

from mcp_relight.domain.image import ImageInfo, image_id_of
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.pixels import Encoded, Inspected, RenderResult, RenderTask, SheetCell
from mcp_relight.domain.report import LightAnalysis, Report
from mcp_relight.errors import ImageNotFound


class MemoryImages:
    """Images: stored bytes by content hash, and cached analyses."""

    def __init__(self) -> None:
        self.stored: dict[str, tuple[ImageInfo, bytes]] = {}
        self.analyses: dict[str, bytes] = {}

    async def put(self, picture: Inspected | Encoded) -> ImageInfo:
        info = ImageInfo(
            image_id=image_id_of(picture.data),
            width=picture.width,
            height=picture.height,
            mime_type=picture.mime_type,
            bytes=len(picture.data),
        )
        self.stored[info.image_id] = (info, picture.data)
        return info

    async def info(self, image_id: str) -> ImageInfo:
        return self._entry(image_id)[0]

    async def read(self, image_id: str) -> bytes:
        return self._entry(image_id)[1]

    def _entry(self, image_id: str) -> tuple[ImageInfo, bytes]:
        if image_id not in self.stored:
            raise ImageNotFound("No image of that id.")
        return self.stored[image_id]

    async def publish(self, image_id: str, folder: Path, stem: str) -> Path:
        raise NotImplementedError

    async def delete(self, image_id: str) -> None:
        self.stored.pop(image_id, None)

    async def cached(self, key: str) -> bytes | None:
        return self.analyses.get(key)

    async def cache(self, key: str, data: bytes) -> None:
        self.analyses[key] = data


class ScriptedPixels:
    """Pixels: answers `render` with one result and re-encodes by prefixing, keeping what it saw."""

    def __init__(self, result: RenderResult | None = None) -> None:
        self.result = result
        self.tasks: list[RenderTask] = []
        self.reencoded: list[tuple[bytes, int | None, str]] = []

    async def render(self, task: RenderTask) -> RenderResult:
        if self.result is None:
            raise NotImplementedError
        self.tasks.append(task)
        return self.result

    async def reencode(self, image: bytes, *, max_edge_px: int | None, mime_type: str) -> Encoded:
        self.reencoded.append((image, max_edge_px, mime_type))
        return Encoded(data=b"clean:" + image, mime_type=mime_type, width=640, height=480)

    async def inspect(self, data: bytes) -> Inspected:
        raise NotImplementedError

    async def thumbnail(self, image: bytes, *, max_edge_px: int, max_bytes: int) -> Encoded:
        raise NotImplementedError

    async def sheet(
        self, cells: Sequence[SheetCell], *, max_edge_px: int, max_bytes: int
    ) -> Encoded:
        raise NotImplementedError

    async def analyze(self, image: bytes, *, mask: bytes | None = None) -> LightAnalysis:
        raise NotImplementedError

    async def report(
        self, original: bytes, final: bytes, lighting: Lighting, *, returned: bytes | None = None
    ) -> Report:
        raise NotImplementedError

    async def transfer(self, original: bytes, result: bytes) -> tuple[Encoded | None, list[str]]:
        raise NotImplementedError

    async def aclose(self) -> None:
        """Nothing to close."""
