"""The part of JSON Schema that model catalogues use, checked with our own words.

Only flat objects of scalars, enums and lists appear there; a full validator would be a dependency,
and its messages quote the values it was given.
"""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue

from mcp_relight.errors import InvalidArgument

from .words import did_you_mean

Schema = Mapping[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def properties_of(schema: Schema) -> dict[str, dict[str, Any]]:
    """The described fields; empty for a schema of another form."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    named = cast(dict[str, Any], properties)
    return {name: cast(dict[str, Any], rule) for name, rule in named.items() if _is_rule(rule)}


def _is_rule(rule: object) -> bool:
    return isinstance(rule, dict)


def check_params(values: Mapping[str, JsonValue], schema: Schema) -> None:
    """Raises InvalidArgument for a name the schema does not know or a value it does not allow."""
    known = properties_of(schema)
    for name, value in values.items():
        if name in known:
            problem = _problem(known[name], value)
            if problem:
                raise InvalidArgument(
                    f"params.{name} must be {problem}.",
                    hint="Call list_models with this model to see its parameters.",
                    argument="params",
                )
        elif schema.get("additionalProperties") is not True:
            raise InvalidArgument(
                "params has a name this model does not know.",
                hint=f"{did_you_mean(name, known)} Known: {', '.join(known) or 'none'}.".strip(),
                argument="params",
            )


def _problem(rule: Mapping[str, Any], value: JsonValue) -> str:
    kind = rule.get("type")
    if isinstance(kind, str) and not _is_of(kind, value):
        return f"of type {kind}"
    choices = rule.get("enum")
    if isinstance(choices, list) and value not in choices:
        return "one of " + ", ".join(str(choice) for choice in cast(list[Any], choices))
    if isinstance(value, (int, float)):
        return _out_of(rule, value, "minimum", "maximum", "")
    if isinstance(value, str):
        return _out_of(rule, len(value), "minLength", "maxLength", " characters long")
    if isinstance(value, list):
        return _out_of(rule, len(value), "minItems", "maxItems", " entries long")
    return ""


def _is_of(kind: str, value: JsonValue) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return False
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(kind, (object,)))


def _out_of(rule: Mapping[str, Any], size: float, low: str, high: str, unit: str) -> str:
    least, most = rule.get(low), rule.get(high)
    if isinstance(least, (int, float)) and size < least:
        return f"at least {least}{unit}"
    if isinstance(most, (int, float)) and size > most:
        return f"at most {most}{unit}"
    return ""
