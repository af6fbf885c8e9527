"""The before/after app in a real browser, in a host built on the reference AppBridge.

At three widths, light and dark, under a policy that forbids everything and under a usual one.

With `MCP_RELIGHT_SHOTS=<folder>` it leaves screenshots there.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest

from mcp_relight.cli.demo import SAMPLE
from mcp_relight.simulator.app import running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from tests.app.browser import MODULES, drive, installed_browser
from tests.flows.rig import remote_environment
from tests.world import World

PHOTO_EDGE_PX = 512
SCENARIOS = [
    {"name": "strict-light", "policy": "strict", "theme": "light", "width": 960, "height": 1000},
    {"name": "claude-dark", "policy": "claude", "theme": "dark", "width": 1280, "height": 1000},
    {"name": "tools-only", "policy": "strict", "theme": "dark", "width": 360, "height": 780},
    {"name": "phone-light", "policy": "claude", "theme": "light", "width": 360, "height": 780},
]

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator(polls=1, speed=1000) as handle:
        yield handle


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, simulator: SimulatorHandle) -> dict[str, Any]:
    """What the driver saw: one run for every test below."""
    browser = installed_browser()
    world = World(tmp_path_factory.mktemp("app"))
    world.photos.mkdir()
    photo = shutil.copy(resources.files("mcp_relight.cli") / "samples" / SAMPLE, world.photos)
    for name in ("cup.jpg", "bowl.jpg"):
        world.photo(name, width=96 + len(name), height=96)
    others = str(world.photos / "[bc]*[pl].jpg")
    plan = {
        "modules": str(MODULES),
        "chromium": browser,
        "shots": os.environ.get("MCP_RELIGHT_SHOTS"),
        "server": {
            "command": sys.executable,
            "args": ["-m", "mcp_relight", "serve"],
            "env": world.environment | remote_environment(simulator, "segmind"),
        },
        "order": {
            "image": str(photo),
            "look": "golden_hour,rembrandt,neon",
        },
        "scenarios": [
            scenario
            | {"canRead": scenario["name"] != "tools-only"}
            | {"canDownload": scenario["name"] != "tools-only"}
            | {"pays": scenario["name"] == "strict-light"}
            | ({"others": others} if scenario["name"] in {"strict-light", "phone-light"} else {})
            for scenario in SCENARIOS
        ],
    }
    return drive("drive.mjs", plan)


@pytest.fixture(params=[str(scenario["name"]) for scenario in SCENARIOS])
def scenario(request: pytest.FixtureRequest, seen: dict[str, Any]) -> dict[str, Any]:
    (asked,) = [scenario for scenario in SCENARIOS if scenario["name"] == request.param]
    return seen["scenarios"][request.param] | {"asked": asked}


def test_the_result_of_the_tool_is_text_without_links(seen: dict[str, Any]) -> None:
    assert seen["mimeType"] == "text/html;profile=mcp-app"
    assert [block["type"] for block in seen["result"]["content"]] == ["text"]


def test_both_pictures_and_every_variant_are_drawn(scenario: dict[str, Any]) -> None:
    for name in ("before", "after"):
        assert scenario[name]["width"] == PHOTO_EDGE_PX
        assert scenario[name]["range"] > 60, "a blank canvas has no range"
    assert scenario["before"]["left"] != scenario["after"]["left"]
    assert len(scenario["thumbs"]) == 3
    assert min(scenario["thumbs"]) > 50


def test_the_divider_follows_keyboard_and_mouse(scenario: dict[str, Any]) -> None:
    opened, one_right, home, dragged = (_percent(clip) for clip in scenario["divider"])
    assert (opened, one_right, home) == (50, 52, 0)
    assert abs(dragged - 75) < 2


def test_before_is_whole_while_the_button_is_held(scenario: dict[str, Any]) -> None:
    assert _percent(scenario["held"]["down"]) == 100
    assert _percent(scenario["held"]["up"]) == 50


def test_the_preview_follows_the_direction(scenario: dict[str, Any]) -> None:
    left, right = scenario["previews"]["left"], scenario["previews"]["right"]
    assert left["azimuth"] < -20
    assert right["azimuth"] > 20
    assert _lean(left["colors"]) < _lean(right["colors"]), "the bright side must move over"
    assert _warmth(scenario["previews"]["warm"]["colors"]) > _warmth(right["colors"]) + 5


def test_a_lamp_lands_where_it_is_dropped_and_the_light_with_it(scenario: dict[str, Any]) -> None:
    lamp = scenario["lamp"]
    assert max(map(abs, lamp["off"])) < 0.02
    for asked, wanted in zip(lamp["asked"], lamp["wanted"], strict=False):
        assert abs(asked - wanted) < 0.02
    assert lamp["asked"][2] == 0.35
    assert _lean(lamp["left"]["colors"]) < _lean(lamp["right"]["colors"])


def test_lamps_are_added_colored_muted_and_deleted_and_steps_go_back_and_forth(
    scenario: dict[str, Any],
) -> None:
    several = scenario["several"]
    counted = [several[name] for name in ("added", "muted", "undone", "redone", "lamps")]
    assert counted == [2, 1, 2, 1, 1]
    assert several["color"] == "#3060ff"
    asked = several["asked"]
    assert (asked["exposure_ev"], asked["ambient"], asked["region"]) == (0.5, 0.6, "subject")


def test_at_100_percent_a_pixel_of_the_photo_is_one_of_the_screen(
    scenario: dict[str, Any],
) -> None:
    assert scenario["zoom"]["stage"] * scenario["zoom"]["ratio"] == PHOTO_EDGE_PX
    assert scenario["zoom"]["width"] <= scenario["asked"]["width"], (
        "it is scrolled in its own frame"
    )


def test_a_paid_model_is_asked_after_a_yes_with_its_price_as_the_limit(
    seen: dict[str, Any],
) -> None:
    paid = seen["scenarios"]["strict-light"]["paid"]
    assert "sends the photo to Segmind" in paid["words"]
    assert f"at most ${paid['order']['max_cost_usd']:.3f}" in paid["words"]
    assert paid["refused"] == 0
    assert paid["order"]["model"] == "segmind/ic-light"


def test_the_light_is_put_on_other_photos_at_once_and_for_nothing(seen: dict[str, Any]) -> None:
    for name in ("strict-light", "phone-light"):
        others = seen["scenarios"][name]["others"]
        assert others["before"], "there is nothing to relight before a photo was named"
        assert others["order"]["model"] == "local/classic"
        assert "lights" in others["order"] or "look" in others["order"]
        assert re.search(r"^2 of 2 photos relit, in .*results\.$", others["words"])
        notes = [
            block["text"]
            for note in seen["scenarios"][name]["host"]["context"]
            for block in note["content"]
        ]
        assert any("set_" in note for note in notes)


def test_the_settings_can_be_said_in_the_chat(scenario: dict[str, Any]) -> None:
    if scenario["words"]:  # else the clipboard took them
        assert "on the photo at" in scenario["words"]
        assert "lights" in scenario["words"] or "look" in scenario["words"]


def test_everything_is_large_enough_for_a_finger_and_axe_finds_nothing(
    scenario: dict[str, Any],
) -> None:
    assert scenario["small"] == []
    assert scenario["axe"] == [[], []]


def test_a_preview_can_be_rendered_in_full_and_joins_the_variants(
    scenario: dict[str, Any],
) -> None:
    assert len(scenario["full"]["labels"]) == (5 if "paid" in scenario else 4)
    assert scenario["full"]["width"] == PHOTO_EDGE_PX
    assert _warmth(scenario["full"]) > _warmth(scenario["before"])
    note = scenario["host"]["context"][-1]
    assert "kelvin" in note["content"][0]["text"]


def test_the_download_is_the_whole_picture(seen: dict[str, Any]) -> None:
    for name in ("strict-light", "claude-dark"):
        (download,) = seen["scenarios"][name]["host"]["downloads"]
        assert download["mimeType"] == "image/jpeg"
        assert download["bytes"] > 20_000


def test_nothing_is_complained_about_and_nothing_overflows(scenario: dict[str, Any]) -> None:
    assert scenario["problems"] == []
    assert scenario["tornDown"] == {}
    assert scenario["width"] <= scenario["asked"]["width"]


def _percent(clip: str) -> float:
    return float(clip.rpartition(" ")[2].removesuffix("%)"))


def _lean(colors: dict[str, Any]) -> float:
    """How much brighter the right third is than the left."""
    return sum(colors["right"]) - sum(colors["left"])


def _warmth(colors: dict[str, Any]) -> float:
    return sum(colors[side][0] - colors[side][2] for side in ("left", "right"))
