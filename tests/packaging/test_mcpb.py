"""The bundle for Claude Desktop: built, checked by the official program, unpacked and started."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from mcp_relight import __version__
from mcp_relight.config import Settings
from tests.node import installed_node
from tests.world import World

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "packaging" / "mcpb" / "build.py"
MANIFEST = json.loads((BUILD.parent / "manifest.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle")
    built = subprocess.run(
        [sys.executable, str(BUILD), str(out)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    with zipfile.ZipFile(built.stdout.strip()) as archive:
        archive.extractall(out / "unpacked")
    return out / "unpacked"


def substituted(text: str, folder: Path, values: dict[str, Any]) -> list[str]:
    """As the client does it: a list only as a whole argument, everything else as words."""
    name = text.removeprefix("${user_config.").removesuffix("}")
    value = values.get(name) if text.startswith("${user_config.") else None
    if isinstance(value, list):
        return [str(item) for item in value]
    if value is not None:
        return [json.dumps(value) if isinstance(value, bool) else str(value)]
    return [text.replace("${__dirname}", str(folder))]


def test_the_manifest_sets_what_is_a_setting_and_has_this_version() -> None:
    known = {f"MCP_RELIGHT_{field.upper()}" for field in Settings.model_fields}
    keys = {f"{name}_API_KEY" for name in ("PIXELDOJO", "PIXAZO", "SEGMIND")}
    named = set(MANIFEST["server"]["mcp_config"]["env"])
    assert named <= known | keys
    assert MANIFEST["version"] == __version__
    for setting in MANIFEST["user_config"].values():
        # Without a default, the literal ${user_config.…} would arrive.
        assert "default" in setting


@pytest.mark.long
def test_the_official_program_takes_it(unpacked: Path) -> None:
    node = installed_node()
    command = node.module("@anthropic-ai/mcpb/dist/cli/cli.js")
    done = node.run(command, "validate", unpacked / "manifest.json", timeout_s=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.anyio
async def test_it_starts_with_what_the_client_fills_in(unpacked: Path, world: World) -> None:
    world.photo("mug.jpg")
    defaults = {name: item["default"] for name, item in MANIFEST["user_config"].items()}
    values = defaults | {"folders": [str(world.photos)], "output_folder": str(world.results)}
    config = MANIFEST["server"]["mcp_config"]
    arguments = [part for one in config["args"] for part in substituted(one, unpacked, values)]
    env = {name: substituted(one, unpacked, values)[0] for name, one in config["env"].items()}
    start = arguments.index("src/run.py")
    server = StdioServerParameters(
        command=sys.executable,
        args=[str(unpacked / "src" / "run.py"), *arguments[start + 1 :]],
        env={**world.environment, **env, "MCP_RELIGHT_ALLOWED_DIRS": ""},
        cwd=unpacked,
    )
    async with Client(server) as client:
        found = await client.call_tool("find_images", {})
    assert "mug.jpg" in json.dumps(found.structured_content)
