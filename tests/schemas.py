"""The client of the SDK asks of every tool it calls whether that tool's schema is one, which takes
ten times as long as the call. Our tools have the same schemas for every client: each is looked at
once in a test process, however many clients ask.
"""

import json
from typing import Any

import pytest
from jsonschema.validators import Draft202012Validator

_check = Draft202012Validator.check_schema
_good: set[str] = set()


def _checked_once(schema: Any, **how: Any) -> None:
    """Raises SchemaError, each time anew."""
    written = json.dumps([schema, sorted(how)])
    if written not in _good:
        _check(schema, **how)
        _good.add(written)


def check_schemas_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Draft202012Validator, "check_schema", staticmethod(_checked_once))
