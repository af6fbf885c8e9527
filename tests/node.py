"""Programs from npm, installed by `.ci/node.sh` outside of this tree."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[1] / ".ci" / "node.sh"
_WANTED = _SCRIPT.parent / "node" / "package.json"


@dataclass(frozen=True)
class Node:
    """A folder with `node_modules`, and the Node that came with it."""

    folder: Path

    @property
    def program(self) -> str:
        return str(self.folder / "node_modules" / ".bin" / "node")

    def run(
        self, *arguments: str | Path, timeout_s: float, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *map(str, arguments)],
            cwd=self.folder,
            env=(env or dict(os.environ)) | {"NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def module(self, path: str) -> Path:
        return self.folder / "node_modules" / path


def installed_node() -> Node:
    """Skips the test where the packages are not installed as `.ci/node.sh` installs them."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("MCP_RELIGHT_NODE_DIR") or cache / "mcp-relight" / "node")
    stamp = folder / "installed.json"
    if not stamp.is_file() or stamp.read_text("utf-8") != _WANTED.read_text("utf-8"):
        pytest.skip("needs the packages from npm: run .ci/node.sh first")
    return Node(folder)
