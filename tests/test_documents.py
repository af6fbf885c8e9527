"""README and server.json say what is true."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mcp_relight import __version__
from mcp_relight.config import Settings
from mcp_relight.domain.looks import LOOKS
from mcp_relight.providers.registry import Registry
from tests.readme import README, tools_table, with_table

ROOT = Path(__file__).parents[1]
SERVER = json.loads((ROOT / "server.json").read_text("utf-8"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.mark.anyio
async def test_the_tools_table_is_what_the_server_lists() -> None:
    text = README.read_text("utf-8")
    assert with_table(text, await tools_table()) == text, "run python -m tests.readme"


def test_the_readme_names_every_look() -> None:
    text = README.read_text("utf-8")
    assert [look for look in LOOKS if f"`{look}`" not in text] == []


def variables() -> set[str]:
    """Every variable that means something here."""
    adapters = Registry().adapters()
    return {
        *(f"MCP_RELIGHT_{field.upper()}" for field in Settings.model_fields),
        *(adapter.key_variable for adapter in adapters),
        *(f"MCP_RELIGHT_{one.name.upper()}_{end}" for one in adapters for end in ("URL", "RPM")),
    }


def test_the_readme_names_only_settings_that_exist() -> None:
    named = set(re.findall(r"MCP_RELIGHT_[A-Z_]+[A-Z]", README.read_text("utf-8")))
    assert named <= variables()


def test_versions_agree() -> None:
    assert SERVER["version"] == PYPROJECT["project"]["version"] == __version__
    assert all(package["version"] == __version__ for package in SERVER["packages"])


def test_server_json_follows_the_official_schema(shared: Path) -> None:
    schema = json.loads((shared / "data" / "server.schema.json").read_text("utf-8"))
    jsonschema.Draft7Validator(schema).validate(SERVER)


def test_server_json_keeps_what_the_schema_does_not_check() -> None:
    assert 1 <= len(SERVER["description"]) <= 100
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", SERVER["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", SERVER["version"])
    for package in SERVER["packages"]:
        assert package["identifier"] == PYPROJECT["project"]["name"]
        assert package["runtimeHint"] == "uvx"
        for argument in package["packageArguments"]:
            assert argument["type"] == "positional" or argument["name"].startswith("--")
        for variable in package["environmentVariables"]:
            _check_variable(variable)


def _check_variable(variable: dict[str, Any]) -> None:
    known = {"name", "description", "format", "isRequired", "isSecret", "default"}
    assert variable.keys() <= known
    assert variable.get("isSecret", False) == variable["name"].endswith("_API_KEY")
    assert isinstance(variable.get("default", ""), str)
    assert variable["name"] in variables()


def test_the_readme_carries_the_registry_name_on_a_line_of_its_own() -> None:
    assert f"<!-- mcp-name: {SERVER['name']} -->" in README.read_text("utf-8").splitlines()


def test_committed_files_name_no_download_host() -> None:
    hosts = ("files.pythonhosted" + ".org", "registry.npmjs" + ".org", "pypi" + ".org/simple")
    for path in (ROOT / "constraints.txt", ROOT / "pyproject.toml", README):
        text = path.read_text("utf-8")
        assert not any(host in text for host in hosts), path


def test_the_map_names_only_files_that_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    named = re.findall(r"`([a-z]+/[a-z_/]*\.py)`", text)
    assert len(named) > 40
    places = (ROOT, ROOT / "mcp_relight")
    assert [one for one in named if not any((place / one).exists() for place in places)] == []
