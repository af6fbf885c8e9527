"""Whether a request satisfies the provider's own parameter table, a JSON Schema."""

import json
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

Schema = dict[str, Any]
WORDS = {
    "type": "must be of type {}",
    "enum": "must be one of {}",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "minItems": "must have at least {} entries",
    "maxItems": "must have at most {} entries",
    "maxLength": "must be at most {} characters",
    "format": "must be a valid URL",
    "pattern": "has the wrong form",
}
ADDRESSES, ADDRESSES_OR_DATA = FormatChecker(formats=()), FormatChecker(formats=())


class Violation(Exception):
    """The request breaks `rule`, a keyword of JSON Schema; the text names the field."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


@cache
def table(name: str) -> Any:
    """The JSON file of that name beside this one."""
    return json.loads(Path(__file__).with_name(f"{name}.json").read_text(encoding="utf-8"))


def checked(schema: Schema, value: Any, *, inline: bool = False) -> dict[str, Any]:
    """The value as an object that satisfies the schema. Raises Violation.

    `inline`: base64 data URIs of images pass where an address is asked for.
    """
    if not isinstance(value, dict):
        raise Violation("type", "The request body must be a JSON object")
    body = cast("dict[str, Any]", value)
    for name in schema.get("required", ()):
        if body.get(name) in (None, "", []):
            raise Violation("required", f"Missing required field: {name}")
    addresses = ADDRESSES_OR_DATA if inline else ADDRESSES
    checker: Any = Draft202012Validator(schema, format_checker=addresses)
    for problem in checker.iter_errors(body):
        raise _violation(problem)
    return body


def _violation(problem: ValidationError) -> Violation:
    rule = str(problem.validator)
    if rule == "additionalProperties":
        return Violation(rule, problem.message)
    field = ".".join(str(part) for part in problem.absolute_path)
    words = WORDS.get(rule, "has the wrong form").format(problem.validator_value)
    return Violation(rule, f"{field} {words}")


@ADDRESSES.checks("uri")
def _is_web_address(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


@ADDRESSES_OR_DATA.checks("uri")
def _is_address_or_data(value: object) -> bool:
    return _is_web_address(value) or str(value).startswith("data:image/")
