"""The part of JSON Schema the providers' own parameter tables need, written out.

The simulator must not trust the schema library its callers may use: it would share their mistakes.
"""

import math
import re
from typing import Any, cast
from urllib.parse import urlsplit

Schema = dict[str, Any]


class Violation(Exception):
    """`field` breaks `rule` ("required", "type", "range", "enum", "unknown" or "format")."""

    def __init__(self, field: str, rule: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.rule = rule
        self.message = message


def check_object(schema: Schema, value: Any, *, inline: bool = False) -> dict[str, Any]:
    """The value as an object that satisfies the schema. Raises Violation.

    `inline`: base64 data URIs of images pass where an address is asked for.
    """
    if not isinstance(value, dict):
        raise Violation("body", "type", "The request body must be a JSON object")
    body = cast("dict[str, Any]", value)
    properties: dict[str, Schema] = schema["properties"]
    for name in schema.get("required", []):
        if body.get(name) in (None, "", []):
            raise Violation(name, "required", f"Missing required field: {name}")
    for name, item in body.items():
        if name in properties:
            check_value(name, properties[name], item, inline)
        elif schema.get("additionalProperties") is False:
            raise Violation(name, "unknown", f"Unknown field: {name}")
    return body


def check_value(name: str, schema: Schema, value: Any, inline: bool) -> None:
    if "anyOf" in schema:
        _check_any(name, schema["anyOf"], value, inline)
        return
    _check_type(name, schema.get("type"), value)
    if "enum" in schema and value not in schema["enum"]:
        raise Violation(name, "enum", f"{name} must be one of {schema['enum']}")
    if isinstance(value, str):
        _check_text(name, schema, value, inline)
    elif isinstance(value, list):
        _check_list(name, schema, cast("list[Any]", value), inline)
    elif isinstance(value, dict) and "properties" in schema:
        check_object(schema, value, inline=inline)
    elif isinstance(value, int | float):
        _check_number(name, schema, value)


def _check_any(name: str, options: list[Schema], value: Any, inline: bool) -> None:
    """Satisfied by any option; otherwise the complaint of the last one of the right type."""
    complaint = Violation(name, "type", f"{name} has the wrong type")
    for option in options:
        try:
            check_value(name, option, value, inline)
        except Violation as violation:
            if violation.rule != "type":
                complaint = violation
        else:
            return
    raise complaint


def _check_type(name: str, wanted: str | None, value: Any) -> None:
    right = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "array": isinstance(value, list),
        "object": isinstance(value, dict),
        "integer": _is_number(value) and (isinstance(value, int) or value.is_integer()),
        "number": _is_number(value),
        None: True,
    }[wanted]
    if not right:
        raise Violation(name, "type", f"{name} must be of type {wanted}")


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _check_text(name: str, schema: Schema, value: str, inline: bool) -> None:
    if len(value) > schema.get("maxLength", math.inf):
        raise Violation(name, "range", f"{name} must be at most {schema['maxLength']} characters")
    if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
        raise Violation(name, "format", f"{name} has the wrong form")
    if schema.get("format") == "uri" and not (
        _is_web_address(value) or (inline and value.startswith("data:image/"))
    ):
        raise Violation(name, "format", f"{name} must be a valid URL")


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _check_list(name: str, schema: Schema, value: list[Any], inline: bool) -> None:
    least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    if not least <= len(value) <= most:
        raise Violation(name, "range", f"{name} must have {least} to {most} entries")
    for item in value:
        check_value(name, schema.get("items", {}), item, inline)


def _check_number(name: str, schema: Schema, value: float) -> None:
    least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if not least <= value <= most:
        raise Violation(name, "range", f"{name} must be between {least} and {most}")
