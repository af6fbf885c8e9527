"""Advice in the words of the command line: the service speaks of tools and arguments."""

import re
from collections.abc import Callable
from typing import Any, cast

from mcp_relight.domain.queries import FindArguments, GetJobArguments, ListModelsArguments
from mcp_relight.domain.request import RelightArguments
from mcp_relight.service.next_steps import SHOW

_COMMANDS = {
    "list_models": "models",
    "analyze_light": "analyze",
    "plan_relight": "plan",
    "relight_image": "relight",
    "get_job": "job",
    "list_jobs": "jobs",
    "cancel_job": "cancel",
    "find_images": "find",
}
_NAMES = {
    name
    for arguments in (RelightArguments, GetJobArguments, ListModelsArguments, FindArguments)
    for name in arguments.model_fields
} - {"image", "job_id"}
_TOOL = re.compile(rf"(\b[Cc]all )?\b({'|'.join(_COMMANDS)})\b")
_VALUE = re.compile(rf"\b({'|'.join(sorted(_NAMES))})=")
_SNAKE = re.compile(rf"\b({'|'.join(sorted(name for name in _NAMES if '_' in name))})\b")


def in_commands(text: str) -> str:
    """`Call list_models` becomes "Run `mcp-relight models`", `look=` becomes `--look `."""
    text = without_tools(text.replace(SHOW, "")).strip()
    return _SNAKE.sub(_flag, _VALUE.sub(_flag_of_value, text))


def without_tools(text: str) -> str:
    """The same of tools alone: a message names arguments as both know them."""
    return _TOOL.sub(_command, text)


_WORDED: dict[str, Callable[[str], str]] = {
    "next_step": in_commands,
    "hint": in_commands,
    "message": without_tools,
}


def facts_in_commands(facts: Any) -> Any:
    """The same facts, all advice in them in the words of the command line."""
    if isinstance(facts, list):
        return [facts_in_commands(one) for one in cast(list[Any], facts)]
    if not isinstance(facts, dict):
        return facts
    return {
        name: _WORDED[name](value)
        if name in _WORDED and isinstance(value, str)
        else facts_in_commands(value)
        for name, value in cast(dict[str, Any], facts).items()
    }


def _command(match: re.Match[str]) -> str:
    run = {"Call ": "Run ", "call ": "run "}.get(match[1] or "", "")
    return f"{run}`mcp-relight {_COMMANDS[match[2]]}`"


def _flag_of_value(match: re.Match[str]) -> str:
    return f"{_flag(match)} "


def _flag(match: re.Match[str]) -> str:
    return "--" + match[1].replace("_", "-")
