"""The Dockerfile and the compose file, as far as they can be judged without building an image."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_relight.cli.parser import build_parser
from mcp_relight.config import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text("utf-8")


def _commands() -> list[list[str]]:
    started = re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert started is not None
    commands: list[list[str]] = [one["command"] for one in _services().values() if "command" in one]
    return [json.loads(started[1]), *commands]


def _services() -> dict[str, Any]:
    """Those that run our image."""
    services: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
    return {name: one for name, one in services.items() if one.get("image") == "mcp-relight"}


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_every_command_is_one_of_ours(command: list[str]) -> None:
    assert build_parser().parse_args(command)


def test_every_variable_is_a_setting() -> None:
    named = set(re.findall(r"MCP_RELIGHT_([A-Z_]+)", DOCKERFILE + COMPOSE))
    assert {name.lower() for name in named} <= Settings.model_fields.keys()


def test_the_image_runs_as_nobody_special_and_says_whether_it_lives() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "\nUSER relight\n" in final
    assert "\nHEALTHCHECK " in final
    assert "/healthz" in final


def test_every_file_that_the_image_copies_is_there() -> None:
    sources = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE)
    assert sources == ["."]
    named = re.findall(r"/src/([\w.]+)", DOCKERFILE)
    assert named
    assert all((ROOT / name).exists() for name in named)


def test_whoever_is_waited_for_is_there_and_no_secret_stands_in_the_file() -> None:
    compose = yaml.safe_load(COMPOSE)
    for service in compose["services"].values():
        assert set(service.get("depends_on", ())) <= compose["services"].keys()
        named = {one.partition(":")[0] for one in service.get("volumes", ())}
        assert named <= compose["volumes"].keys()
    secret = re.findall(r"(?:SECRET|PASSWORD|KEYS)\w*\"?: \"([^\"]*)\"", COMPOSE)
    assert len(secret) >= 3
    assert all(text.startswith("${") for text in secret)


def test_the_compose_file_names_what_the_document_exports() -> None:
    document = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    needed = set(re.findall(r"\$\{(RELIGHT_\w+)", COMPOSE))
    assert needed == set(re.findall(r"\b(RELIGHT_\w+)=", document))


def test_keys_reach_servers_and_workers_alike_and_may_be_left_out() -> None:
    passed = {"MCP_RELIGHT_KEY_RING", "PIXELDOJO_API_KEY", "PIXAZO_API_KEY", "SEGMIND_API_KEY"}
    for service in _services().values():
        given = service["environment"]
        named = {name: given[name] for name in passed}
        assert all(re.fullmatch(r"\$\{[A-Z_]+:-\}", text) for text in named.values())
    empty = Settings.load(dict.fromkeys(passed - {"MCP_RELIGHT_KEY_RING"}, ""))
    assert empty.api_key("PIXELDOJO_API_KEY") is None


def test_containers_have_a_read_only_root_and_no_rights_to_gain() -> None:
    for line in ("read_only: true", "cap_drop: [ALL]", "no-new-privileges:true"):
        assert line in COMPOSE


def test_only_what_the_image_needs_is_sent_to_its_build() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    assert allowed == {"constraints.txt", "LICENSE", "mcp_relight", "pyproject.toml", "README.md"}
    assert all((ROOT / name).exists() for name in allowed)
