"""The user's own shape model on disk: which bytes it holds now."""

import hashlib
import stat
from pathlib import Path

import anyio.to_thread

from mcp_relight.domain.image import SHAPE_MODEL_MAX_BYTES, ShapeModel


class ShapeModelFile:
    """Hashes the file when it is first asked for, and again when it was changed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: tuple[tuple[int, int], ShapeModel] | None = None

    async def now(self) -> ShapeModel | None:
        """None where no file is set; without a digest where no file of a sane size is there."""
        if self._path is None:
            return None
        return await anyio.to_thread.run_sync(self._hashed, self._path)

    def _hashed(self, path: Path) -> ShapeModel:
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > SHAPE_MODEL_MAX_BYTES:
                return ShapeModel(path=str(path), sha256="")
            version = status.st_size, status.st_mtime_ns
            if self._known is None or self._known[0] != version:
                with path.open("rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                self._known = version, ShapeModel(path=str(path), sha256=sha256)
            return self._known[1]
        except OSError:
            return ShapeModel(path=str(path), sha256="")
