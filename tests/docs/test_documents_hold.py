"""What the documents say can be done, is done."""

import json
import re
import subprocess
import sys
import tomllib
from importlib import resources
from typing import Any

import pytest
import yaml
from PIL import Image

from mcp_relight.cli.clients import entries
from mcp_relight.cli.clients.places import CLIENTS
from mcp_relight.cli.flags import given, one_reference
from mcp_relight.cli.parser import build_parser
from mcp_relight.domain.request import PlanArguments, RelightArguments
from tests.test_documents import variables
from tests.world import World, make_photo

from . import looks
from .documents import (
    DOCUMENTS,
    ROOT,
    Block,
    blocks,
    broken_links,
    commands,
    indented_commands,
    missing_files,
)

BLOCKS = tuple(blocks())
SHELL = [block for block in BLOCKS if block.language == "sh"]
OURS = "mcp-relight"


def test_every_block_says_what_it_is_and_every_command_stands_in_one() -> None:
    languages = {"sh", "json", "python", "toml", "yaml", "text"}
    assert [str(block) for block in BLOCKS if block.language not in languages] == []
    assert indented_commands() == []


def test_what_is_not_run_is_marked_with_a_reason() -> None:
    foreign = [
        str(block)
        for block in SHELL
        if block.why_not is None and any(words[0] != OURS for words in commands(block))
    ]
    assert foreign == [], "mark each: <!-- not run: reason -->"


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_every_command_of_ours_is_one_we_have(block: Block) -> None:
    for words in commands(block):
        if words[0] != OURS:
            continue
        namespace = build_parser().parse_args(words[1:])
        if namespace.command in {"relight", "plan"}:
            if isinstance(namespace.image, list):
                namespace.image = one_reference(namespace.image)
            kind = RelightArguments if namespace.command == "relight" else PlanArguments
            kind.parse(given(namespace, kind))


RUN = [block for block in SHELL if block.why_not is None]


@pytest.mark.full
@pytest.mark.spread
@pytest.mark.parametrize("document", sorted({block.document for block in RUN}))
def test_every_command_line_does_what_it_says(world: World, document: str) -> None:
    """In the order of the document, in a home where somebody has used it before."""
    lay_out(world)
    for block in RUN:
        for words in commands(block) if block.document == document else ():
            done = world.run(*words[1:])
            assert done.returncode == 0, f"{block}: {words}: {done.stderr}"
            assert done.stdout, f"{block}: {words} says nothing"


def lay_out(world: World) -> None:
    """The files that the documents speak of, and one job."""
    make_photo(world.root / "mug.jpg", 320, 240)
    make_photo(world.root / "mask.png", 320, 240, mode="L")
    for name, color in (("normals.png", (128, 128, 255)), ("depth.png", (128, 128, 128))):
        Image.new("RGB", (320, 240), color).save(world.root / name)
    portrait = resources.files("mcp_relight.cli") / "samples" / "astronaut.jpg"
    (world.root / "portrait.jpg").write_bytes(portrait.read_bytes())
    world.photo("mug.jpg")
    assert world.run("relight", "mug.jpg", "--look", "overcast").returncode == 0
    assert world.run("install", "claude-desktop").returncode == 0


def test_every_configuration_can_be_read_and_starts_what_we_have() -> None:
    kinds = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
    seen = 0
    for block in BLOCKS:
        if (load := kinds.get(block.language)) is None:
            continue
        for entry in _entries(load(block.text)):
            seen += 1
            arguments = [str(one) for one in entry["args"]]
            build_parser().parse_args(arguments[arguments.index("serve") :])
            environment = entry.get("env") or entry.get("envs") or {}
            unknown = set(environment) - variables() - _key_files()
            assert unknown == set(), str(block)
    assert seen >= len(CLIENTS)


def _entries(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, dict):
        return []
    if "args" in value:
        return [value]
    return [entry for inner in value.values() for entry in _entries(inner)]


def _key_files() -> set[str]:
    return {f"{name}_FILE" for name in variables() if name.endswith("_API_KEY")}


def test_each_client_is_shown_an_entry_in_its_own_format() -> None:
    text = (ROOT / "docs" / "clients.md").read_text("utf-8")
    for name, client in CLIENTS.items():
        shown = re.search(rf"^### {re.escape(client.title)}.*?```\w+\n(.*?)```", text, re.M | re.S)
        assert shown, name
        entry = entries.find(client, shown[1])
        assert entry is not None, name
        assert "serve" in entry["args"], name
        assert client.command in entry, name


def test_python_stands_where_it_is_run() -> None:
    """The guide's two blocks are an adapter and its tests, which tests/providers/test_contract.py
    runs."""
    python = {block.document for block in BLOCKS if block.language == "python"}
    assert python <= {"docs/write-a-provider.md"}


def test_links_lead_somewhere() -> None:
    assert broken_links() == []
    assert missing_files() == []


def test_every_document_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    pages = [path.name for path in DOCUMENTS if path.parent.name == "docs"]
    assert [page for page in pages if f"docs/{page}" not in text] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 200


def test_documents_name_only_settings_that_exist() -> None:
    named = {
        (path.name, name)
        for path in DOCUMENTS
        if path.name != "write-a-provider.md" and path.parent.name != "examples"
        for name in re.findall(r"\bMCP_RELIGHT_[A-Z_]+[A-Z]", path.read_text("utf-8"))
    }
    assert [one for one in sorted(named) if one[1] not in variables()] == []


def test_spelling() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "codespell_lib", *map(str, DOCUMENTS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_table_of_looks_is_that_of_the_looks() -> None:
    text = looks.PAGE.read_text("utf-8")
    assert looks.renewed(text) == text, "run python -m tests.docs.looks"
