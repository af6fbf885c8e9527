"""A small world for tests from outside: folders of its own, a photo, an environment."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.prepared import Prepared


_prepared: list["Prepared"] = []


def prepare_commands() -> None:
    """From now on commands are run by a process that has all of the product loaded."""
    from tests.prepared import Prepared

    _prepared[:] = [Prepared()]


@dataclass(frozen=True)
class World:
    root: Path

    @property
    def photos(self) -> Path:
        return self.root / "photos"

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in {"PATH", "PYTHONPATH", "SYSTEMROOT", "TEMP", "TMP", "COVERAGE_PROCESS_START"}
        }
        return kept | {
            "HOME": str(self.root),
            "MCP_RELIGHT_DATA_DIR": str(self.data),
            "MCP_RELIGHT_OUTPUT_DIR": str(self.results),
            "MCP_RELIGHT_ALLOWED_DIRS": str(self.photos),
            "MCP_RELIGHT_WORKER_IDLE_S": "2",
        }

    def photo(self, name: str, *, width: int = 320, height: int = 240, mode: str = "RGB") -> Path:
        """A photo-like picture: a shaded ball in front of a gradient."""
        self.photos.mkdir(parents=True, exist_ok=True)
        path = self.photos / name
        make_photo(path, width, height, mode)
        return path

    def run(
        self,
        *arguments: str,
        environment: dict[str, str] | None = None,
        stdin: str = "",
        timeout_s: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """The command line: in the long suites started as a person would."""
        environment = environment or self.environment
        if _prepared:
            return _prepared[0].run(
                arguments, environment, self.root, stdin=stdin, timeout_s=timeout_s
            )
        return subprocess.run(
            [sys.executable, "-m", "mcp_relight", *arguments],
            env=environment,
            cwd=self.root,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


def make_photo(path: Path, width: int, height: int, mode: str = "RGB") -> None:
    import numpy as np
    from PIL import Image

    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = 0.35 * min(width, height)
    x, y = (xs - width / 2) / radius, (ys - height / 2) / radius
    inside = x * x + y * y < 1
    shade = np.clip(0.35 + 0.5 * np.sqrt(np.clip(1 - x * x - y * y, 0, 1)) - 0.2 * y, 0, 1)
    ball = np.dstack([shade * 210, shade * 120, shade * 70])
    wall = np.dstack([60 + 40 * xs / width, 80 + 40 * ys / height, 110 + 0 * xs])
    pixels = np.where(inside[..., None], ball, wall).astype(np.uint8)
    image = Image.fromarray(pixels)
    if mode == "RGBA":
        image.putalpha(Image.fromarray((inside * 255).astype(np.uint8)))
    elif mode != "RGB":
        image = image.convert(mode)
    image.save(path)
