"""The story with the TypeScript clients: the current one in both eras, and the older SDK."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_python import check_progress
from tests.http_server import serving
from tests.node import Node, installed_node
from tests.server.test_surface import NAMES
from tests.world import World

pytestmark = pytest.mark.long

STORY = Path(__file__).parent / "story.mjs"


@pytest.fixture(scope="module")
def node() -> Node:
    return installed_node()


@contextmanager
def reachable(world: World, transport: str) -> Iterator[dict[str, Any]]:
    """How a client gets to a server of this world."""
    if transport == "http":
        with serving(world) as server:
            yield {"url": server.url}
            server.stop()
    else:
        command = ["-m", "mcp_relight", "serve"]
        yield {"command": sys.executable, "args": command, "env": world.environment}


@pytest.mark.parametrize("transport", ["stdio", "http"])
@pytest.mark.parametrize("sdk", ["client", "client-auto", "sdk"])
def test_the_story(world: World, node: Node, sdk: str, transport: str) -> None:
    photos = {
        "photo": str(world.photo("mug.jpg")),
        "large": str(world.photo("large.jpg", width=3000, height=2000)),
    }
    # Modules are found from where the script lies.
    script = shutil.copy(STORY, node.folder / f"story-{world.root.name}.mjs")
    try:
        with reachable(world, transport) as server:
            done = node.run(script, sdk, transport, json.dumps(photos | server), timeout_s=180)
    finally:
        Path(script).unlink()
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told["tools"]) >= set(NAMES)
    assert told["looks"] == 20
    assert told["plan"] == "local/classic"
    assert told["job"]["status"] == "succeeded"
    assert told["bytes"] == told["job"]["images"][0]["bytes"]
    assert told["blocks"] == ["text", "resource_link"]
    assert "image" in told["seen"]
    assert told["cancelled"] == "cancelled"
    assert told["refused"] == [True, "unknown_look"]
    # The older SDK hands a fast answer over before the notifications that came first.
    if sdk != "sdk" or told["progress"]:
        check_progress([(fraction, words) for fraction, words in told["progress"]])
