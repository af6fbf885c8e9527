"""Where the shared hostile data lies, when it is there at all."""

from pathlib import Path

import pytest

from tests.conftest import SHARED


@pytest.fixture(scope="session")
def hostile_data() -> Path:
    folder = SHARED / "data" / "hostile"
    if not folder.is_dir():
        pytest.skip("the shared hostile data is not here; MCP_RELIGHT_SHARED can name its folder")
    return folder
