"""Flat arguments: the base of every use case's class, and the words for wrong ones.

The tools' input schemas, the command line's flags and every message about a wrong argument are
derived from these classes. Flat scalars only: agent frameworks lose or break anything nested.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from mcp_relight.errors import InvalidArgument, RequestError, UnknownArgument

from . import words
from .steps import step_example
from .words import did_you_mean, is_unset, rule_broken


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

LEFT_OUT = "(left out)"
_STAND_IN = "-"
"""For a required text that is missing or wrong, while the other arguments are judged."""

Text = Annotated[str, BeforeValidator(_as_text)]


class Arguments(BaseModel):
    """Base of every use case's arguments."""

    # Made by the first call: whoever lists the tools checks none.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    instead: ClassVar[Mapping[str, str]] = {}
    """Required arguments that may be left out when another one is given, which then says it all;
    they are `LEFT_OUT`."""
    null_is_a_word: ClassVar[frozenset[str]] = frozenset()
    """Optional arguments that may mean the word "null" itself, such as a part of a file's name."""

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """Check a caller's arguments: an optional one that is None, "" or "null" is not given.

        Raises one RequestError, most often UnknownArgument or InvalidArgument, that names all that
        is wrong.
        """
        options = _options_of(cls)
        given = {
            name: words.choice(value, options[name])
            for name, value in values.items()
            if name in options and not cls._is_unset(name, value)
        }
        for name, other in cls.instead.items():
            if other in given and is_unset(values.get(name)):
                given[name] = LEFT_OUT
        wrong: list[RequestError] = []
        if unknown := [name for name in values if name not in cls.model_fields]:
            wrong.append(_unknown(cls, unknown))
        try:
            arguments = cls.model_validate(given)
        except ValidationError as error:
            broken = _broken(cls, error, given)
            wrong += broken.values()
            arguments = cls.model_validate(_without(cls, given, broken))
        wrong += arguments.conflicts()
        if wrong:
            raise _joined(wrong)
        return arguments

    def conflicts(self) -> Iterator[RequestError]:
        """What is wrong with arguments that are each of the right type and in range."""
        yield from ()

    @classmethod
    def _is_unset(cls, name: str, value: object) -> bool:
        if value is None:
            return True
        if cls.model_fields[name].is_required():
            return False
        return is_unset(value, null_is_a_word=name in cls.null_is_a_word)


@cache
def _options_of(arguments: type[Arguments]) -> dict[str, tuple[str, ...]]:
    """By the name of the argument."""
    fields = arguments.model_fields
    return {name: _options(field.annotation) for name, field in fields.items()}


def _options(annotation: Any) -> tuple[str, ...]:
    """The words a choice may be; none for an argument of another kind."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(word for part in get_args(annotation) for word in _options(part))


def _without(
    arguments: type[Arguments], given: dict[str, Any], broken: dict[str, RequestError]
) -> dict[str, Any]:
    """What is sound of these arguments, complete enough to be judged."""
    required = {name for name in broken if arguments.model_fields[name].is_required()}
    return {name: value for name, value in given.items() if name not in broken} | dict.fromkeys(
        required, _STAND_IN
    )


def _joined(wrong: list[RequestError]) -> RequestError:
    """All of these as one error: of their kind if they are of one, else InvalidArgument."""
    if len(wrong) == 1:
        return wrong[0]
    kinds = {type(error) for error in wrong}
    kind = kinds.pop() if len(kinds) == 1 else InvalidArgument
    hints = [
        f"{one.argument}: {one.hint}" if one.argument else one.hint for one in wrong if one.hint
    ]
    return kind(
        " ".join(error.message for error in wrong),
        hint=" ".join(dict.fromkeys(hints)),
        argument=next((error.argument for error in wrong if error.argument), None),
    )


def _unknown(arguments: type[Arguments], names: list[str]) -> UnknownArgument:
    """Never repeats a name nobody knows: it may be a key that was pasted in the wrong place."""
    meant = dict.fromkeys(did_you_mean(name, arguments.model_fields) for name in names)
    count = f"{len(names)} unknown arguments." if len(names) > 1 else "Unknown argument."
    return UnknownArgument(
        " ".join([count, *filter(None, meant)]),
        hint="Known arguments: " + ", ".join(arguments.model_fields) + ".",
    )


def _broken(
    arguments: type[Arguments], error: ValidationError, given: dict[str, Any]
) -> dict[str, RequestError]:
    """What is wrong, by the name of the argument."""
    schemas = arguments.model_json_schema()["properties"]
    found: dict[str, RequestError] = {}
    for one in error.errors(include_url=False, include_input=False):
        name = str(one["loc"][0])
        if name in found:
            continue
        if one["type"] == "missing":
            found[name] = InvalidArgument(
                f"{name} is required.",
                hint=arguments.model_fields[name].description or f"Give {name}.",
                argument=name,
            )
            continue
        message = _explain(name, one, schemas[name], given[name])
        hint = _hint(name, arguments.model_fields[name])
        found[name] = InvalidArgument(message, hint=hint, argument=name)
    return found


def _hint(name: str, field: FieldInfo) -> str:
    """What the argument is, and how a step of one that takes steps is written."""
    example = step_example(field.metadata)
    step = f'With based_on also a step, such as {name}="{example}".' if example else ""
    return f"{field.description or ''} {step}".strip()


def _explain(name: str, error: Any, schema: dict[str, Any], value: object) -> str:
    """A sentence with the whole limit, which pydantic tells by halves, and without the value."""
    (allowed,) = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    if error["type"] in _TOO_LONG:
        return f"{name} must have at most {error['ctx']['max_length']:,} characters."
    if error["type"] in _TOO_SHORT:
        return f"{name} must not be empty."
    if "enum" in allowed:
        meant = did_you_mean(value, allowed["enum"]) if isinstance(value, str) else ""
        return f"{name} must be one of {', '.join(allowed['enum'])}. {meant}".strip()
    if {"minimum", "maximum"} <= allowed.keys():
        number = "a whole number" if allowed["type"] == "integer" else "a number"
        limits = f"{allowed['minimum']:.15g} to {allowed['maximum']:.15g}"
        return f"{name} must be {number} from {limits}."
    if allowed["type"] == "boolean":
        return f"{name} must be true or false."
    return rule_broken(name, error["msg"])
