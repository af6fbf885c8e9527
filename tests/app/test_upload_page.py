"""The page on which a person sends a photo, in a real browser at the real server of a team.

With `MCP_RELIGHT_SHOTS=<folder>` it leaves screenshots there.
"""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
import pytest
import uvicorn

from mcp_relight.domain.capability import hash_of, new_text
from tests.app.browser import MODULES, drive, installed_browser
from tests.server.web.site import HOST, ORIGIN
from tests.server.web.team import Team, team
from tests.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.long]

VISITS = [
    {"theme": "light", "width": 960, "touch": False},
    {"theme": "dark", "width": 1280, "touch": False},
    {"theme": "light", "width": 360, "touch": True},
    {"theme": "dark", "width": 360, "touch": True},
]
_FINGER_PX = 44


@asynccontextmanager
async def listening(found: Team) -> AsyncIterator[int]:
    """The port of this machine on which the team's server listens."""
    server = uvicorn.Server(uvicorn.Config(found.app, port=0, lifespan="off", log_level="critical"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        with anyio.fail_after(30):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await anyio.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
        server.should_exit = True


async def one_time_address(found: Team) -> str:
    text = new_text()
    await found.application.uploads.open_upload(hash_of(text), owner="acme")
    return f"{ORIGIN}/up/{text}"


async def test_a_person_sends_a_photo_by_finger_mouse_and_keyboard(world: World) -> None:
    browser = installed_browser()
    async with team(world, None) as found, listening(found) as port:
        plan: dict[str, Any] = {
            "modules": str(MODULES),
            "chromium": browser,
            "shots": os.environ.get("MCP_RELIGHT_SHOTS"),
            "host": HOST,
            "port": port,
            "photo": str(world.photo("mug.jpg")),
            "spare": await one_time_address(found),
            "visits": [visit | {"url": await one_time_address(found)} for visit in VISITS],
        }
        seen = await anyio.to_thread.run_sync(drive, "upload.mjs", plan)
    assert len(seen) == len(VISITS)
    for visit, what in zip(VISITS, seen, strict=True):
        names = [name for name, _, _ in what["targets"]]
        assert names == ["Choose a photo", *(["Take a picture"] if visit["touch"] else [])]
        assert all(min(size) >= _FINGER_PX for _, *size in what["targets"])
        assert ("Drop a photo here" in what["words"]) is not visit["touch"]
        assert what["overflow"] <= visit["width"]
        assert what["focused"] == "file"
        assert "picture" in what["refused"].lower() or "image" in what["refused"].lower()
        assert all("422" in line for line in what["before"])
        assert re.search(r"Tell your assistant: relight://images/[0-9a-f]+", what["sent"])
        assert "Choose a photo" not in what["sent"], "the address is used up"
        assert (what["shown"], what["problems"], what["axe"]) == (320, [], [])
