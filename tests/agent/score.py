"""Do the tools' own words lead to the right first call?

`python -m tests.agent.score` prints the list of tools and thirty everyday wishes, for a reader that
has seen nothing else. Its answers, a JSON list of {"id", "tool", "arguments"}, are scored by
`python -m tests.agent.score ANSWERS.json`; 27 right ones are asked for.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import anyio

from mcp_relight.errors import RelightError
from tests.server.surface import flat_tools, listed_tools

WISHES = Path(__file__).parent / "wishes.json"
ENOUGH = 27
HARMLESS = {"wait_s", "preview", "limit", "max_edge", "idempotency_key"}
"""Arguments that change nothing about whether a call is the right one."""

_ASK = (
    "These are the tools of an MCP server, as it lists them. For each wish of a person below, give "
    'the first call you would make, as a JSON list of {"id": n, "tool": name, "arguments": {…}}. '
    "Nothing else is known; what a wish names exists."
)

Call = dict[str, Any]


def wishes() -> list[dict[str, Any]]:
    return json.loads(WISHES.read_text("utf-8"))["wishes"]


def is_right(answer: Call, wish: dict[str, Any]) -> bool:
    """Whether the call is one of those that answer the wish, and the server would take it."""
    given = {
        name: value for name, value in answer.get("arguments", {}).items() if value is not None
    }
    return _is_sound(answer.get("tool", ""), given) and any(
        answer["tool"] == right["tool"] and _fits(given, right) for right in wish["right"]
    )


def _is_sound(tool: str, given: Call) -> bool:
    arguments = {one.name: one.arguments for one in flat_tools()}
    try:
        return tool in arguments and arguments[tool].parse(given) is not None
    except RelightError:
        return False


def _fits(given: Call, right: Call) -> bool:
    wanted: Call = right["arguments"]
    extra = given.keys() - wanted.keys() - HARMLESS - set(right.get("may", ()))
    return not extra and all(
        name in given and _matches(given[name], rule) for name, rule in wanted.items()
    )


def _matches(value: Any, rule: Any) -> bool:
    """A rule is the value itself, or an object: `one_of`, `from` and `to`, `matches` (a regular
    expression), `all_of` (parts of a text), or `given`."""
    if not isinstance(rule, dict):
        return value == rule
    if "one_of" in rule:
        return value in rule["one_of"]
    if "from" in rule:
        return isinstance(value, (int, float)) and rule["from"] <= value <= rule["to"]
    if "matches" in rule:
        return re.search(rule["matches"], str(value)) is not None
    if "all_of" in rule:
        return all(part in str(value) for part in rule["all_of"])
    return bool(rule.get("given"))


def score(answers: list[Call]) -> list[dict[str, Any]]:
    """The wishes whose answer is wrong or missing."""
    told = {answer.get("id"): answer for answer in answers}
    return [wish for wish in wishes() if not is_right(told.get(wish["id"], {}), wish)]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def main(arguments: list[str]) -> int:
    if not arguments:
        tools = anyio.run(listed_tools)
        shown = [
            {name: tool[name] for name in ("name", "description", "inputSchema")}
            for tool in tools
            if not tool["name"].startswith("app_")
        ]
        _say(f"{_ASK}\n\n{json.dumps(shown, ensure_ascii=False)}\n")
        for wish in wishes():
            _say(f"{wish['id']}. {wish['wish']}")
        return 0
    answers: list[Call] = json.loads(Path(arguments[0]).read_text("utf-8"))
    told = {answer.get("id"): answer for answer in answers}
    wrong = score(answers)
    for wish in wrong:
        answer = told.get(wish["id"], {})
        _say(f"{wish['id']}. {wish['wish']}")
        _say(f"    {json.dumps({name: answer.get(name) for name in ('tool', 'arguments')})}")
    right = len(wishes()) - len(wrong)
    _say(f"{right} of {len(wishes())} right; {ENOUGH} are asked for.")
    return 0 if right >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
