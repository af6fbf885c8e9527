"""One suite for every store of pictures: the real one and the one tests put in its place."""

from pathlib import Path

import pytest

from mcp_relight.storage.files import ImageFiles
from mcp_relight.testing import ImagesContract, MemoryImages


@pytest.mark.anyio
class TestOnDisk(ImagesContract):
    @pytest.fixture
    def images(self, tmp_path: Path) -> ImageFiles:
        return ImageFiles(tmp_path / "data")


@pytest.mark.anyio
class TestInMemory(ImagesContract):
    @pytest.fixture
    def images(self) -> MemoryImages:
        return MemoryImages()
