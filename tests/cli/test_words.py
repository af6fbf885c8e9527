"""The command line speaks of commands and flags, whatever the service advises."""

import re

import pytest

from mcp_relight.cli.commands import facts_in_commands, in_commands
from mcp_relight.server.tools import Tools
from tests.matrix import some_now
from tests.server.surface import NeverOpened
from tests.world import World

TOOLS = [tool.name for tool in Tools(NeverOpened(), resource_links=True).all()]
SPOKEN = re.compile("|".join(name for name in TOOLS if not name.startswith("app_")))


@pytest.mark.parametrize(
    ("advice", "said"),
    [
        ("Call list_models to see them.", "Run `mcp-relight models` to see them."),
        ("wait, then call get_job again", "wait, then run `mcp-relight job` again"),
        ('Name several: look="loop,split".', 'Name several: --look "loop,split".'),
        (
            "plan_relight with model=<id> shows one",
            "`mcp-relight plan` with --model <id> shows one",
        ),
        ("Give max_cost_usd to accept it.", "Give --max-cost-usd to accept it."),
        ("Nothing to translate here.", "Nothing to translate here."),
    ],
)
def test_advice_is_translated(advice: str, said: str) -> None:
    assert in_commands(advice) == said
    assert facts_in_commands({"error": {"hint": advice, "code": advice}}) == {
        "error": {"hint": said, "code": advice}
    }


@pytest.mark.parametrize(
    "arguments",
    some_now(
        [
            ("relight", "PHOTO", "--look", "loop", "--model", "segmind/none"),
            ("plan", "PHOTO", "--look", "loop", "--json"),
            ("relight", "PHOTO", "--look", "loop", "--model", "segmind/ic-light"),
            ("relight", "none.jpg", "--look", "loop"),
            ("relight", "PHOTO", "--look", "Loop", "--json"),
            ("jobs", "--cursor", "x"),
            ("cancel", "job_" + 32 * "0"),
        ],
        now=2,
    ),
)
def test_no_command_names_a_tool(world: World, arguments: tuple[str, ...]) -> None:
    photo = str(world.photo("mug.jpg", width=96, height=64))
    done = world.run(*(photo if one == "PHOTO" else one for one in arguments))
    said = done.stdout + done.stderr
    assert said
    assert not SPOKEN.findall(said), said


def test_every_tool_but_those_for_looking_has_a_command() -> None:
    for name in TOOLS:
        is_for_looking = name in {"view_image", "compare_images"} or name.startswith("app_")
        assert is_for_looking or "mcp-relight" in in_commands(f"Call {name}.")
