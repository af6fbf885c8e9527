"""Renew the tool snapshots: `python -m tests.server.snap`."""

import json

import anyio

from tests.server.surface import listed_tools
from tests.server.test_surface import REMOTE_SNAPS, SNAPS


async def renew() -> None:
    for folder, remote in ((SNAPS, False), (REMOTE_SNAPS, True)):
        for tool in await listed_tools(remote=remote):
            text = json.dumps(tool, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
            await anyio.Path(folder / f"{tool['name']}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    anyio.run(renew)
