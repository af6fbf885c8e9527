"""Renew the written schemas and the tool snapshots: `python -m tests.server.snap`."""

import json

import anyio

from mcp_relight.server import flat_tool, schema
from tests.server.surface import derived_schemas, listed_tools
from tests.server.test_surface import REMOTE_SNAPS, SCHEMAS, SNAPS


async def renew() -> None:
    schemas = json.dumps(derived_schemas(), indent=1, ensure_ascii=False) + "\n"
    await anyio.Path(SCHEMAS).write_text(schemas, "utf-8")
    schema._written.cache_clear()
    flat_tool._metadata.cache_clear()
    for folder, remote in ((SNAPS, False), (REMOTE_SNAPS, True)):
        for tool in await listed_tools(remote=remote):
            text = json.dumps(tool, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
            await anyio.Path(folder / f"{tool['name']}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    anyio.run(renew)
