"""The command line speaks of commands and flags, whatever the service advises."""

import re
from pathlib import Path

import pytest

from mcp_relight.cli.commands import facts_in_commands, in_commands
from mcp_relight.server.tools import Tools
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


def test_no_command_names_a_tool(world: World) -> None:
    photo = str(world.photo("mug.jpg", width=96, height=64))
    for arguments in (
        ("relight", photo, "--look", "loop", "--model", "segmind/none"),
        ("relight", photo, "--look", "loop", "--model", "segmind/ic-light"),
        ("relight", str(Path(photo).with_name("none.jpg")), "--look", "loop"),
        ("plan", photo, "--look", "loop", "--json"),
        ("relight", photo, "--look", "Loop", "--json"),
        ("jobs", "--cursor", "x"),
        ("cancel", "job_" + 32 * "0"),
    ):
        done = world.run(*arguments)
        said = done.stdout + done.stderr
        assert said
        assert not SPOKEN.findall(said), said


def test_every_tool_but_those_for_looking_has_a_command() -> None:
    for name in TOOLS:
        is_for_looking = name in {"view_image", "compare_images"} or name.startswith("app_")
        assert is_for_looking or "mcp-relight" in in_commands(f"Call {name}.")
