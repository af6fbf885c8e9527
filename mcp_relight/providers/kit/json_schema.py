"""The part of JSON Schema that model catalogues use, checked with our own words.

Only flat objects of scalars, enums and lists appear there; a full validator would be a dependency,
and its messages quote the values it was given.
"""

import ipaddress
import re
import sys
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from pydantic import JsonValue

from mcp_relight.domain.words import did_you_mean
from mcp_relight.errors import InvalidArgument

Schema = Mapping[str, Any]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
_MAX_ENTRIES = 200
_MAX_WORD_CHARS = 40

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


def plain_schema(schema: Schema) -> dict[str, Any]:
    """The part of somebody else's schema that is checked here, bounded in size and without its
    prose: what it says of a field may be meant for a language model."""
    named = properties_of(schema)
    known = {name: _plain_rule(named[name]) for name in named if _NAME.fullmatch(name)}
    listed = schema.get("required")
    required = cast(list[Any], listed) if isinstance(listed, list) else []
    return {
        "type": "object",
        "properties": dict(list(known.items())[:_MAX_ENTRIES]),
        "required": [name for name in required if name in known],
        "additionalProperties": schema.get("additionalProperties") is True,
    }


def _plain_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: rule[name] for name in _BOUNDS if _is_figure(rule.get(name))}
    kind = rule.get("type")
    if isinstance(kind, str) and kind in _TYPES:
        plain["type"] = kind
    if _is_plain(rule.get("default")):
        plain["default"] = rule["default"]
    choices = rule.get("enum")
    if isinstance(choices, list):
        offered = cast(list[Any], choices)
        plain["enum"] = [choice for choice in offered if _is_plain(choice)][:_MAX_ENTRIES]
    items = rule.get("items")
    if isinstance(items, dict):
        plain["items"] = _plain_rule(cast(dict[str, Any], items))
    return plain


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_WORD_CHARS and value.isprintable()
    return isinstance(value, bool) or _is_figure(value)


def _is_figure(value: object) -> bool:
    """A number that any reader of JSON can hold: a whole one may have thousands of digits."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return -sys.float_info.max <= value <= sys.float_info.max


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


def public_https(address: str) -> str:
    """The address. Raises ValueError for one that is not https, has credentials or another port,
    or names a machine instead of a public host."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("must be a public https address") from None
    is_named = "." in host and not _is_ip(host) and not host.endswith((".local", ".internal"))
    is_plain = parts.username is None and port in {None, 443} and address.isprintable()
    if parts.scheme != "https" or not is_named or not is_plain:
        raise ValueError("must be a public https address")
    return address


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.replace(".", "").isdecimal()
    return True
