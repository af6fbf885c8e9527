"""Flat input schemas.

Agent frameworks lose or break `$ref`, `anyOf`, `oneOf`, `allOf`, `const`, type lists and nested
objects. An optional argument is `{"type": X, "nullable": true}` with no default: every framework
tried takes that form, and it costs the fewest tokens.

To derive them takes a sixth of what the start of a server takes, so those of its own tools are
written down beside this file.
"""

import json
from functools import cache
from importlib import resources
from typing import Any, cast

from pydantic import BaseModel

from mcp_relight.domain.arguments import Arguments

WRITTEN = "schemas.json"
_DROPPED = {"title", "default"}


def name_of(model: type[BaseModel]) -> str:
    """Under which its schema is written down."""
    return f"{model.__module__}.{model.__qualname__}"


def written_schema(model: type[BaseModel]) -> dict[str, Any] | None:
    """The schema of a tool's arguments or output, as `python -m tests.server.snap` wrote it."""
    return _written().get(name_of(model))


@cache
def _written() -> dict[str, dict[str, Any]]:
    return json.loads((resources.files("mcp_relight.server") / WRITTEN).read_text("utf-8"))


def flat_schema(arguments: type[Arguments], *, described: bool = True) -> dict[str, Any]:
    """The input schema of a tool. Without `described`, names and types alone."""
    schema = arguments.model_json_schema()
    properties = {
        name: _flat_property(prop, described=described)
        for name, prop in schema.get("properties", {}).items()
    }
    required: list[str] = [
        name for name in schema.get("required", []) if name not in arguments.instead
    ]
    for name in arguments.instead:
        properties[name]["nullable"] = True
    ordered = {name: properties[name] for name in [*required, *properties]}
    flat: dict[str, Any] = {"type": "object", "properties": ordered}
    if required:
        flat["required"] = required
    return flat | {"additionalProperties": False}


def bare_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema without words for people: with them, the list of tools would be a line longer
    than the 64 KiB that clients on asyncio's streams can read, and hardly any client shows them."""
    return {
        key: {name: _bare(one) for name, one in value.items()}
        if key in {"properties", "$defs"}
        else _bare(value)
        for key, value in schema.items()
        if key not in {"title", "description"}
    }


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return bare_schema(cast(dict[str, Any], value))
    if isinstance(value, list):
        return [_bare(one) for one in cast(list[Any], value)]
    return value


def _flat_property(prop: dict[str, Any], *, described: bool) -> dict[str, Any]:
    prop = dict(prop)
    options = prop.pop("anyOf", None)
    if options is not None:
        (value,) = [option for option in options if option.get("type") != "null"]
        prop = value | prop | {"nullable": True}
    kept = {key: value for key, value in prop.items() if key not in _DROPPED}
    if not described:
        return {key: kept[key] for key in ("type", "nullable") if key in kept}
    # Lengths guard the server; they tell a model nothing.
    return {key: value for key, value in kept.items() if key not in {"minLength", "maxLength"}}
