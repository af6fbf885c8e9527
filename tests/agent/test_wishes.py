"""The thirty wishes can be answered by the tools there are, and do not say how."""

import re
from typing import Any

import pytest

from mcp_relight.domain.looks import LOOKS
from tests.agent.score import is_right, score, wishes
from tests.server.surface import flat_tools

TOOLS = {tool.name: tool.arguments for tool in flat_tools()}
EXAMPLES = {
    r"^\s*0?\.25\s*,\s*0?\.30*\s*(,.*)?$|^\s*25\s*%\s*,\s*30\s*%.*$": "0.25,0.3",
    r"background": '[{"role": "background", "color": "#2040FF"}]',
    r"^\+": "+20%",
    r"^-": "-500",
    r"(?i)^\W*eileen\W*$": "eileen",
    r"^[a-z_]+\s*,\s*[a-z_]+\s*,\s*[a-z_]+$": "rembrandt, loop, butterfly",
    r"^~/shop/?(\*.*)?$": "~/shop",
}


def example(rule: Any) -> Any:
    if not isinstance(rule, dict):
        return rule
    if "one_of" in rule:
        return rule["one_of"][0]
    if "from" in rule:
        return rule["from"]
    if "matches" in rule:
        return EXAMPLES[rule["matches"]]
    return ",".join(rule["all_of"]) if "all_of" in rule else '[{"kelvin": 3000}]'


def call_of(right: dict[str, Any]) -> dict[str, Any]:
    arguments = {name: example(rule) for name, rule in right["arguments"].items()}
    if right["tool"] in {"relight_image", "plan_relight"} and set(arguments) <= {"image", "region"}:
        arguments["look"] = "golden_hour"  # the wish leaves it open which light
    if arguments.get("before") == "/photos/old.jpg":
        arguments["after"] = "/photos/new.jpg"
    return {"tool": right["tool"], "arguments": arguments}


@pytest.mark.parametrize("wish", wishes(), ids=lambda wish: str(wish["id"]))
def test_every_right_call_is_right_and_another_is_not(wish: dict[str, Any]) -> None:
    for right in wish["right"]:
        call = call_of(right)
        assert is_right(call, wish), call
        assert is_right({**call, "arguments": call["arguments"] | {"seed": None}}, wish)
        assert not is_right({**call, "tool": "no_tool"}, wish)
        assert not is_right({**call, "arguments": call["arguments"] | {"no_such": 1}}, wish)
        unasked = {"model": "segmind/segmind-relighting-v2", "provider": "pixazo", "folder": "/"}
        for name in unasked.keys() - set(right.get("may", ())) - right["arguments"].keys():
            assert not is_right(
                {**call, "arguments": call["arguments"] | {name: unasked[name]}}, wish
            )


def test_thirty_wishes_reach_every_tool() -> None:
    assert [wish["id"] for wish in wishes()] == list(range(1, 31))
    reached = {right["tool"] for wish in wishes() for right in wish["right"]}
    assert reached == {name for name in TOOLS if not name.startswith("app_")}


def test_the_wishes_do_not_say_the_words_of_the_answer() -> None:
    names = {*TOOLS, *LOOKS} | {name for one in TOOLS.values() for name in one.model_fields}
    telling = {name for name in names if "_" in name} | {"latest", "overcast", "rembrandt", "neon"}
    for wish in wishes():
        words = set(re.findall(r"[a-z_]+", wish["wish"].lower()))
        said = {word for word in words & telling if not word.startswith("job_")}
        assert not said, wish


def test_no_answer_is_wrong_and_all_of_them_are_thirty() -> None:
    assert len(score([])) == 30
    answers = [{"id": wish["id"], **call_of(wish["right"][0])} for wish in wishes()]
    assert score(answers) == []
