"""Flat arguments: the base of every use case's class, and the words for a wrong one.

The tools' input schemas, the command line's flags and every message about a wrong argument are
derived from these classes. Flat scalars only: agent frameworks lose or break anything nested.
"""

import json
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from mcp_relight.errors import InvalidArgument, RelightError, UnknownArgument

from .words import did_you_mean, rule_broken


def _as_text(value: object) -> object:
    """Text stays text: some clients, and the SDK, parse JSON text before it gets here."""
    if isinstance(value, str) and not _is_unicode(value):
        raise ValueError("must be valid Unicode text")
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def _is_unicode(text: str) -> bool:
    """Half of a surrogate pair, as a cut emoji leaves it, could not be sent to anybody."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_TOO_LONG = frozenset({"too_long", "string_too_long"})
_TOO_SHORT = frozenset({"too_short", "string_too_short"})
"""What pydantic says of a text's length speaks of items, and repeats how many there were."""

Text = Annotated[str, BeforeValidator(_as_text)]


class Arguments(BaseModel):
    """Base of every use case's arguments."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """Check a caller's arguments. Raises UnknownArgument or InvalidArgument."""
        for name in values:
            if name not in cls.model_fields:
                known = ", ".join(cls.model_fields)
                raise UnknownArgument(
                    f"Unknown argument. {did_you_mean(name, cls.model_fields)}".strip(),
                    hint=f"Known arguments: {known}.",
                )
        given = {name: value for name, value in values.items() if value is not None}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise _explain(cls, error) from None


def _explain(arguments: type[Arguments], error: ValidationError) -> RelightError:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "arguments"
    if first["type"] == "missing":
        return InvalidArgument(f"{name} is required.", hint=f"Give {name}.", argument=name)
    field = arguments.model_fields.get(name)
    hint = (field.description or "") if field else ""
    message = rule_broken(name, first["msg"])
    if first["type"] in _TOO_LONG:
        message = f"{name} must have at most {first.get('ctx', {})['max_length']:,} characters."
    if first["type"] in _TOO_SHORT:
        message = f"{name} must not be empty."
    return InvalidArgument(message, hint=hint, argument=name)
