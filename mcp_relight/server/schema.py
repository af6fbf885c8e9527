"""Flat input schemas.

Agent frameworks lose or break `$ref`, `anyOf`, `oneOf`, `allOf`, `const`, type lists and nested
objects. An optional argument is `{"type": X, "nullable": true}` with no default: every framework
tried takes that form, and it costs the fewest tokens.
"""

from typing import Any, cast

from mcp_relight.domain.arguments import Arguments

_DROPPED = {"title", "default"}


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
