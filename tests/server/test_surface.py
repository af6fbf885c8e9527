"""The tool surface is a reviewed diff: one snapshot per tool, and rules every schema keeps.

Run `python -m tests.server.snap` after a wanted change, and review what git shows.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from mcp_relight.server import schema
from tests.server.surface import derived_schemas, listed_tools

SNAPS = Path(__file__).parent / "toolsnaps"
REMOTE_SNAPS = Path(__file__).parent / "toolsnaps_remote"
SCHEMAS = Path(schema.__file__).with_name(schema.WRITTEN)
NAMES = [
    "list_models",
    "analyze_light",
    "plan_relight",
    "relight_image",
    "get_job",
    "list_jobs",
    "cancel_job",
    "view_image",
    "find_images",
    "compare_images",
]
APP_ONLY = ["app_picture", "app_preview"]
FORBIDDEN = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "const", "default", "title"}

INPUT_KEYWORDS = {"type", "description", "nullable", "enum", "minimum", "maximum", "pattern"}
OUTPUT_KEYWORDS = {
    *("$defs", "$ref", "additionalProperties", "anyOf", "default", "enum", "items"),
    *("maxItems", "maximum", "minItems", "minimum", "pattern", "prefixItems", "properties"),
    *("required", "type"),
}
"""All that clients are asked to understand: a word outside is most likely pydantic's own."""

pytestmark = pytest.mark.anyio


def is_app_only(tool: dict[str, Any]) -> bool:
    """Whether a host with MCP Apps hides this tool from the model."""
    return tool.get("_meta", {}).get("ui", {}).get("visibility") == ["app"]


async def test_the_model_sees_ten_tools_in_order_and_the_app_two_more() -> None:
    tools = await listed_tools()
    assert [tool["name"] for tool in tools if not is_app_only(tool)] == NAMES
    assert [tool["name"] for tool in tools if is_app_only(tool)] == APP_ONLY
    assert [tool["name"] for tool in tools] == NAMES + APP_ONLY


async def test_tools_of_the_app_say_so_to_clients_that_do_not_hide_them() -> None:
    for tool in await listed_tools():
        says_so = tool["description"].startswith("Use only from the before/after app")
        assert says_so == is_app_only(tool)


@pytest.mark.parametrize(("folder", "remote"), [(SNAPS, False), (REMOTE_SNAPS, True)])
async def test_every_tool_is_as_its_snapshot(folder: Path, *, remote: bool) -> None:
    tools = await listed_tools(remote=remote)
    assert {path.stem for path in folder.iterdir()} == {tool["name"] for tool in tools}
    for tool in tools:
        snapshot = json.loads((folder / f"{tool['name']}.json").read_text("utf-8"))
        assert tool == snapshot, f"{tool['name']} changed: review it, then renew its snapshot"


def test_what_is_written_of_schemas_is_what_the_classes_say() -> None:
    written = json.loads(SCHEMAS.read_text("utf-8"))
    assert written == derived_schemas(), "renew it: python -m tests.server.snap"
    assert [[*one.get("properties", {})] for one in written.values()] == [
        [*one.get("properties", {})] for one in derived_schemas().values()
    ]


async def test_the_whole_surface_costs_at_most_3300_tokens() -> None:
    characters = sum(
        len(tool["name"])
        + len(tool["description"])
        + len(json.dumps(tool["inputSchema"], separators=(",", ":")))
        for tool in await listed_tools()
    )
    assert characters / 4 <= 3300


async def test_inputs_are_flat_scalars() -> None:
    for tool in await listed_tools():
        schema = tool["inputSchema"]
        assert schema["additionalProperties"] is False
        required = set(schema.get("required", []))
        for name, prop in schema["properties"].items():
            where = f"{tool['name']}.{name}"
            assert not FORBIDDEN & prop.keys(), where
            assert prop["type"] in {"string", "number", "integer", "boolean"}, where
            assert prop.get("nullable", False) == (name not in required), where


def keywords_of(schema: object) -> set[str]:
    """Every keyword of a JSON Schema, at any depth; names of properties are none."""
    if isinstance(schema, list):
        return set[str]().union(*map(keywords_of, schema))
    if not isinstance(schema, dict):
        return set()
    found = set(schema)
    for keyword, value in schema.items():
        if keyword in {"properties", "$defs"}:
            found |= keywords_of(list(value.values()))
        elif keyword not in {"default", "enum"}:
            found |= keywords_of(value)
    return found


async def test_the_list_of_tools_fits_a_line_of_asyncio_s_streams() -> None:
    line = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": await listed_tools()}},
        separators=(",", ":"),
    )
    assert len(line) < 60_000


async def test_schemas_use_only_keywords_of_a_fixed_list() -> None:
    for tool in await listed_tools():
        inputs = keywords_of(list(tool["inputSchema"]["properties"].values()))
        assert inputs <= INPUT_KEYWORDS, tool["name"]
        assert keywords_of(tool.get("outputSchema", {})) <= OUTPUT_KEYWORDS, tool["name"]


async def test_enums_and_ranges_are_repeated_in_the_description() -> None:
    for tool in await listed_tools():
        if tool["name"] == "plan_relight":
            continue  # "arguments as in relight_image"
        for name, prop in tool["inputSchema"]["properties"].items():
            for value in prop.get("enum", []):
                assert value in prop["description"], f"{tool['name']}.{name}: {value}"
            for bound in ("minimum", "maximum"):
                if bound in prop:
                    number = f"{prop[bound]:.15g}"
                    assert number in prop["description"], f"{tool['name']}.{name}: {bound}"


async def test_every_tool_says_first_when_to_use_it_and_is_annotated() -> None:
    for tool in await listed_tools():
        assert tool["description"].startswith("Use ")
        assert len(tool["description"]) < 1000
        assert tool["title"]
        hints: dict[str, Any] = tool["annotations"]
        assert hints["readOnlyHint"] == (tool["name"] not in {"relight_image", "cancel_job"})
        assert hints["destructiveHint"] is False


async def test_descriptions_do_not_steer_the_model() -> None:
    for tool in await listed_tools():
        text = json.dumps(tool).lower()
        for phrase in ("ignore", "always call", "do not tell", "must call"):
            assert phrase not in text.replace("ignored", "").replace("ignores", "")
