"""How soon a preview follows the hand: its work, in CPU time, which a busy machine does not change
as much as a clock."""

import os
import time
from pathlib import Path

import pytest
from mcp import Client

from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.server.app import create_server
from tests.crash.rig import needs_proc
from tests.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.long, needs_proc]

PREVIEW_WITHIN_S = 0.4


async def test_a_warm_preview_takes_little_work(world: World) -> None:
    photo = str(world.photo("mug.png", width=1600, height=1200))
    settings = Settings.load(
        data_dir=world.data, output_dir=world.results, allowed_dirs=(world.photos,), worker="none"
    )
    took_s: list[float] = []
    async with Client(create_server(Application(settings))) as client:
        for place in ("0.1,0.2", "0.2,0.3", "0.3,0.3", "0.5,0.2", "0.7,0.3", "0.9,0.6"):
            begun = spent_s()
            result = await client.call_tool("app_preview", {"image": photo, "light_at": place})
            took_s.append(spent_s() - begun)
            assert not result.is_error
    assert min(took_s[2:]) <= PREVIEW_WITHIN_S


def spent_s() -> float:
    """CPU seconds of this process and of its living children."""
    ticks = sum(
        int(fields[11]) + int(fields[12])
        for fields in map(_stat, Path("/proc").glob("[0-9]*/stat"))
        if fields and int(fields[1]) == os.getpid()
    )
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _stat(path: Path) -> list[str]:
    """The fields after the program's name; none where it has ended meanwhile."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []
