"""Nasty pictures through a whole server: each answered as it must be, and the server lives on."""

import base64
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.rig import children, needs_proc
from tests.pixels.test_hostile import CODES, SEEDS, mutated
from tests.world import World

from .nasty import ORDER, Nasty, everything
from .wire import Facts, Wire, wired

GROWTH_LIMIT_BYTES = 50_000_000
ANSWER_WITHIN_S = 30.0


@pytest.fixture
def wire(world: World) -> Iterator[Wire]:
    world.photos.mkdir(parents=True)
    with wired(world, MCP_RELIGHT_WORKER="none") as wire:
        yield wire


def outcome(wire: Wire, image: str) -> str | tuple[int, int]:
    """The size the server took it in at, or the code of its refusal."""
    given = {"name": "plan_relight", "arguments": {"image": image, "look": "loop"}}
    result = wire.answer(wire.ask("tools/call", given), ANSWER_WITHIN_S)["result"]
    if result.get("isError"):
        return str(result["_meta"]["mcp-relight/error"]["code"])
    taken = result["structuredContent"]["image"]
    return taken["width"], taken["height"]


def looked_at(wire: Wire, image: str) -> Facts:
    return wire.request("tools/call", {"name": "view_image", "arguments": {"image": image}})


def test_every_nasty_picture_is_answered_as_it_must_be(wire: Wire, world: World) -> None:
    wrong = list[str]()
    for one in everything():
        path = world.photos / one.name
        path.write_bytes(one.data)
        found = outcome(wire, str(path))
        if one.want is not None and found != one.want:
            wrong.append(f"{one.name}: wants {one.want}, gets {found}")
        looked_at(wire, str(path))
    assert wrong == []
    check_clean(wire, world, ORDER)


def check_clean(wire: Wire, world: World, *planted: str) -> None:
    """Planted words are in no answer, no stored picture, no log and not in the database."""
    assert wire.end()[0] == 0
    kept = [path.read_bytes() for path in world.data.rglob("*") if path.is_file()]
    assert kept
    pictures = [
        base64.b64decode(block["data"])
        for line in bytes(wire.received).splitlines()
        for block in json.loads(line).get("result", {}).get("content", ())
        if block["type"] == "image"
    ]
    assert pictures
    written = [bytes(wire.received), wire.stderr.read_bytes(), *kept, *pictures]
    for words in planted:
        assert not any(words.encode() in data for data in written), words


def test_the_corpus_is_answered_as_its_manifest_says(
    wire: Wire, world: World, hostile_data: Path
) -> None:
    folder = hostile_data / "images"
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    wrong = list[str]()
    for name, entry in manifest.items():
        path = world.photos / name
        path.write_bytes((folder / name).read_bytes())
        found = outcome(wire, str(path))
        if entry["want"] == "ok":
            is_right = found == tuple(entry["size"])
        else:
            want = str(entry["want"]).removeprefix("reject:")
            is_right = want == "either" or found == CODES[want]
        if not is_right:
            wrong.append(f"{name}: wants {entry['want']}, gets {found}")
        looked_at(wire, str(path))
    assert wrong == []
    assert len(manifest) >= 50
    check_clean(wire, world, "gnore all previous", "IGNORE ALL", "<?php", "/etc/passwd")


@needs_proc
@pytest.mark.long
def test_changed_bytes_end_neither_server_nor_child_and_leave_it_small(
    wire: Wire, pytestconfig: pytest.Config
) -> None:
    count = 10_000 if pytestconfig.getoption("--full") else 500
    chance = random.Random(11)
    pid = wire.process.pid
    taken = 0
    for number in range(count):
        if number == 100:  # what is loaded once is loaded by now
            before, child = resident_bytes(pid), children(pid)
        data = mutated(SEEDS[number % len(SEEDS)], chance)
        image = "data:image/png;base64," + base64.b64encode(data).decode()
        taken += not isinstance(outcome(wire, image), str)
    assert 0 < taken < count
    assert resident_bytes(pid) - before < GROWTH_LIMIT_BYTES
    assert children(pid) == child, "the child was replaced: it had died"
    assert wire.end()[0] == 0
    assert "Traceback" not in wire.stderr.read_text()


def resident_bytes(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


def test_the_generator_covers_what_pictures_can_do() -> None:
    made: list[Nasty] = everything()
    assert len(made) >= 60
    wanted = {one.want for one in made if isinstance(one.want, str)}
    assert wanted == {"image_unsupported", "image_corrupt", "image_too_large"}
    assert sum(ORDER.encode() in one.data for one in made) >= 6
