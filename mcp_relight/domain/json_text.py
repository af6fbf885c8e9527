"""JSON that callers give inside a text argument."""

import json
from typing import NoReturn


def value_of(text: str) -> object:
    """The value of a JSON text. Raises ValueError or RecursionError, also for what Python reads
    and nobody can be sent: NaN, Infinity, numbers beyond them, halves of characters."""
    value: object = json.loads(text, parse_constant=_refuse)
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a finite number")
