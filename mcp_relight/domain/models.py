"""Models: what each can do, what it costs, and which parameters it takes.

An adapter writes one `Params` class per model. From it follow the `list_models` card, the check of
a caller's `params` with the nearest known name, the wire body and the table in the documentation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, create_model

from mcp_relight.errors import InvalidArgument

from .job import Cost, FieldHonesty
from .lighting import Lighting
from .words import did_you_mean, rule_broken, value_of

Mode = Literal["local", "async", "sync"]
Honesty = Callable[[Lighting, Mapping[str, JsonValue]], tuple[FieldHonesty, ...]]
"""What a model does with each field of a light, given the parameters of the call."""


class Params(BaseModel):
    """Base of every model's own parameters.

    Fields carry their range, default and description; `serialization_alias` is the wire spelling.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    image_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields that hold image references and go through intake."""


@dataclass(frozen=True, slots=True)
class Price:
    """A documented price. `high_usd` is the upper bound; None where nobody documents one."""

    amount: float
    unit: str
    high_usd: float | None
    source: str
    as_of: str
    low_usd: float = 0.0
    """What it costs at least, which counts where nobody documents a bound."""

    def estimate(self, count: int) -> Cost:
        usd = None if self.high_usd is None else round(self.high_usd * count, 6)
        billed = "no" if usd == 0 else "unknown"
        return Cost(amount=self.amount * count, unit=self.unit, usd=usd, billed=billed)


LOCAL_MODEL = "local/classic"
"""The engine of this machine: free, and offline."""

FREE = Price(0.0, "USD", 0.0, "runs on this machine", "")


Check = Callable[[dict[str, JsonValue]], dict[str, JsonValue]]
"""Returns the parameters with defaults filled in, or raises InvalidArgument."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a caller's `params` may hold for one model."""

    schema: dict[str, Any]
    """JSON Schema, as shown to callers."""
    check: Check
    image_fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Listing:
    """Where a provider's changing list of models and prices was read, and on which day."""

    source: str
    as_of: str
    is_live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model a caller can name."""

    id: str
    """`provider/model`."""
    title: str
    summary: str
    mode: Mode
    price: Price
    parameters: Parameters
    honesty: Honesty
    controls: tuple[str, ...] = ()
    """Fields of the light it honours or approximates."""
    relights: bool = True
    is_general: bool = False
    """An editor of anything, told in words to change the light alone."""
    max_count: int = 1
    max_prompt_chars: int | None = None
    """0 for a model that takes no words."""
    takes_mask: bool = False
    reproducible: bool = False
    typical_s: float | None = None
    notes: tuple[str, ...] = ()
    verified: bool = False
    """True where the vendor's own page or a live call confirms the row."""
    as_of: str = ""
    example: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])

    @property
    def provider(self) -> str:
        return self.id.partition("/")[0]

    @property
    def schema(self) -> dict[str, Any]:
        return self.parameters.schema

    @property
    def check(self) -> Check:
        return self.parameters.check

    @property
    def image_fields(self) -> frozenset[str]:
        return self.parameters.image_fields

    @property
    def takes_words(self) -> bool:
        return self.max_prompt_chars != 0

    @property
    def is_paid(self) -> bool:
        return self.price.high_usd is None or self.price.high_usd > 0


RESERVED: dict[str, str] = {
    **dict.fromkeys(
        (
            "image",
            "images",
            "image_url",
            "image_urls",
            "input_image",
            "input_images",
            "reference_images",
            "subject_image",
        ),
        "Give the picture as the argument image.",
    ),
    **dict.fromkeys(
        ("count", "n", "num_images", "num_outputs", "number_of_images"),
        "Give the number of pictures as the argument count.",
    ),
    **dict.fromkeys(("mask", "mask_image", "mask_url"), "Give the mask as the argument mask."),
    **dict.fromkeys(
        ("webhook", "webhook_url", "webhook_events_filter"),
        "Leave it out: results are polled for, no callback is needed.",
    ),
    "seed": "Give the seed as the argument seed.",
    "prompt": "Give the words as the argument prompt.",
}
"""Fields that `params` never sets, and what to do instead."""


def with_references(params: type[Params], count: int) -> type[Params]:
    """The class with `reference_image_1` … for further pictures the model takes."""
    names = [f"reference_image_{index}" for index in range(1, count + 1)]
    reference = Annotated[
        str | None, Field(description="Image reference: a further picture to read.")
    ]
    fields: dict[str, Any] = dict.fromkeys(names, (reference, None))
    made = create_model(params.__name__, __base__=params, __doc__=params.__doc__, **fields)
    made.image_fields = params.image_fields | frozenset(names)
    return made


def refuse_reserved(values: Mapping[str, JsonValue]) -> None:
    """Raises InvalidArgument for a parameter that is an argument of the tool."""
    for name in values:
        if hint := RESERVED.get(name):
            raise InvalidArgument(
                f"params.{name} is not set through params.", hint=hint, argument="params"
            )


def wire_body(params: type[Params], values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Checked parameters in the provider's spelling; pictures go their own way."""
    checked = params.model_validate(dict(values))
    return checked.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude=set(params.image_fields)
    )


def described(params: type[Params]) -> Parameters:
    """What follows from a `Params` class; `check` gives what was set, under our own names."""

    def check(values: dict[str, JsonValue]) -> dict[str, JsonValue]:
        refuse_reserved(values)
        try:
            checked = params.model_validate(values)
        except ValidationError as error:
            raise _explain(error, params.model_json_schema()) from None
        return checked.model_dump(mode="json", exclude_none=True)

    return Parameters(params.model_json_schema(), check, params.image_fields)


def parse_json_object(text: str, argument: str) -> dict[str, JsonValue]:
    """The object in a JSON text argument. Raises InvalidArgument."""
    try:
        value = value_of(text)
    except (ValueError, RecursionError):
        raise InvalidArgument(
            f"{argument} is not valid JSON.",
            hint=f"Give {argument} as the text of one JSON object.",
            argument=argument,
        ) from None
    if not isinstance(value, dict):
        raise InvalidArgument(
            f"{argument} must be a JSON object.",
            hint=f"For instance {argument}='{{\"name\": 1}}'.",
            argument=argument,
        )
    return cast(dict[str, JsonValue], value)


def _explain(error: ValidationError, schema: dict[str, Any]) -> InvalidArgument:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or "params"
    if first["type"] == "extra_forbidden":
        known = list(schema.get("properties", {}))
        return InvalidArgument(
            "params has a name this model does not know.",
            hint=f"{did_you_mean(name, known)} Known: {', '.join(known) or 'none'}.".strip(),
            argument="params",
        )
    return InvalidArgument(
        rule_broken(f"params.{name}", first["msg"]),
        hint="Call list_models with this model to see its parameters.",
        argument="params",
    )
