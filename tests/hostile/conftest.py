"""Where the shared hostile data lies, when it is there at all."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def hostile_data() -> Path:
    shared = Path(os.environ.get("MCP_RELIGHT_SHARED", _ROOT.parent / "shared"))
    folder = shared / "data" / "hostile"
    if not folder.is_dir():
        pytest.skip("the shared hostile data is not here; MCP_RELIGHT_SHARED can name its folder")
    return folder
