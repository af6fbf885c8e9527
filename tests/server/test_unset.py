"""Optional arguments that a model or a gateway fills in instead of leaving them out.

Over every tool and every optional argument it has, so a new one is covered by itself.
"""

from typing import Any

import pytest

from mcp_relight.domain.arguments import Arguments
from tests.server.surface import flat_tools

TOOLS = {tool.name: tool.arguments for tool in flat_tools()}
OPTIONAL = [
    pytest.param(arguments, name, id=f"{tool}.{name}")
    for tool, arguments in TOOLS.items()
    for name, field in arguments.model_fields.items()
    if not field.is_required()
]
WORDS = {("find_images", "folder"), ("find_images", "query")}
"""Where "null" may be part of a file's name."""


def required(arguments: type[Arguments]) -> dict[str, Any]:
    return {name: "x" for name, field in arguments.model_fields.items() if field.is_required()}


def test_every_optional_argument_is_tried() -> None:
    assert len(OPTIONAL) > 80


@pytest.mark.parametrize("unset", [None, "", " ", "null", " null\n"])
@pytest.mark.parametrize(("arguments", "name"), OPTIONAL)
def test_what_stands_for_nothing_is_not_given(
    arguments: type[Arguments], name: str, unset: str | None
) -> None:
    given = required(arguments)
    tool = next(tool for tool, its in TOOLS.items() if its is arguments)
    if unset is not None and "null" in unset and (tool, name) in WORDS:
        assert getattr(arguments.parse(given | {name: unset}), name) == unset
        return
    parsed = arguments.parse(given | {name: unset})
    assert parsed == arguments.parse(given)
    assert getattr(parsed, name) == arguments.model_fields[name].default


@pytest.mark.parametrize("arguments", TOOLS.values(), ids=TOOLS)
def test_all_of_them_filled_in_at_once_are_not_given(arguments: type[Arguments]) -> None:
    given = required(arguments)
    assert arguments.parse({**dict.fromkeys(arguments.model_fields, ""), **given}) == (
        arguments.parse(given)
    )
