"""Values of `domain` as plain ones, which a frame can carry."""

from typing import Any

from pydantic import TypeAdapter

_PLAIN = TypeAdapter[Any](Any)


def plain(value: object) -> Any:
    return _PLAIN.dump_python(value)
