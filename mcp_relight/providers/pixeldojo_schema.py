"""A request body by the JSON Schema PixelDojo publishes for a model: only names it knows."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue

from mcp_relight.domain.exchange import Call
from mcp_relight.errors import InvalidArgument
from mcp_relight.providers.kit.json_schema import check_params, properties_of, public_https
from mcp_relight.providers.kit.translate import ONLY_THE_LIGHT, compose_prompt, nearest_ratio

_PICTURES = (
    "subject_image",
    "images",
    "image_urls",
    "image",
    "image_url",
    "input_images",
    "input_image",
    "reference_images",
)
_RATIOS = ("aspect_ratio", "aspectRatio")
_COUNTS = ("number_of_images", "num_images", "num_outputs", "n")
_MOST_PICTURES = 12
_NO_LIMIT = 1_000_000
_KEEP_SHAPE = ("match_input_image", "auto", "original")

USUAL_SCHEMA: Mapping[str, JsonValue] = {
    "additionalProperties": True,
    "properties": {"prompt": {}, "image_url": {}},
}
"""Stands in where a call is only planned; a call that is sent goes by the published schema."""
Rules = Mapping[str, Mapping[str, Any]]


def picture_field(rules: Rules) -> str | None:
    """What the model calls its input picture, or its list of them."""
    return next((name for name in _PICTURES if name in rules), None)


def count_limit(rules: Rules) -> int:
    """How many pictures one request may ask for."""
    name = next((name for name in _COUNTS if name in rules), None)
    most = rules[name].get("maximum", 1) if name else 1
    return max(1, min(int(most), _MOST_PICTURES))


def body_by_schema(call: Call, schema: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The body of a run. Raises InvalidArgument where the model cannot take the call."""
    rules = properties_of(schema)
    field = picture_field(rules)
    limit = rules.get("prompt", {}).get("maxLength", _NO_LIMIT)
    if field is None or "prompt" not in rules or limit < 1:
        raise InvalidArgument(
            "This model takes no picture and words, so it cannot relight.",
            hint="Call list_models for models that can.",
            argument="model",
        )
    check_params(call.params, schema)
    _refuse_addresses(call.params)
    body: dict[str, JsonValue] = {
        **call.params,
        field: _pictures(call, rules[field]),
        "prompt": compose_prompt(call.lighting, int(limit), instruction=ONLY_THE_LIGHT),
    }
    body = {**_shape(call, rules), **_count_and_seed(call, rules), **body}
    _check_complete(body, schema)
    return body


def essence_by_schema(call: Call, schema: Mapping[str, JsonValue] | None) -> JsonValue:
    """`Adapter.essence` of a body by schema. A seed counts unless it is known that none is taken;
    so does a parameter, unless it is known to be the default."""
    rules = properties_of(schema or {})
    takes_seed = schema is None or "seed" in rules
    params: dict[str, JsonValue] = {
        name: value
        for name, value in call.params.items()
        if "default" not in (rule := rules.get(name, {})) or rule["default"] != value
    }
    return {
        "prompt": compose_prompt(call.lighting, instruction=ONLY_THE_LIGHT),
        "params": params,
        "seed": call.seed if takes_seed else None,
    }


def _refuse_addresses(params: Mapping[str, JsonValue]) -> None:
    """Whatever a schema calls its fields, a picture or a callback gets in by the tool's own
    arguments alone. Weights of a LoRA may be named, where anybody may fetch them."""
    for name, value in params.items():
        for text in _texts(value):
            if "://" not in text and not text.startswith("data:"):
                continue
            if "lora" not in name.lower() or not _is_public(text):
                raise InvalidArgument(
                    f"params.{name} must not be an address.",
                    hint="Give pictures as the tool's own arguments. Only LoRA weights may be "
                    "named by a public https address.",
                    argument="params",
                )


def _texts(value: JsonValue) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in _texts(item)]


def _is_public(address: str) -> bool:
    try:
        public_https(address)
    except ValueError:
        return False
    return True


def _check_complete(body: Mapping[str, JsonValue], schema: Mapping[str, JsonValue]) -> None:
    required = schema.get("required")
    for name in required if isinstance(required, list) else []:
        if isinstance(name, str) and name not in body:
            raise InvalidArgument(
                f"params.{name} is required by this model.",
                hint="Call list_models with this model to see its parameters.",
                argument="params",
            )


def _pictures(call: Call, rule: Mapping[str, Any]) -> JsonValue:
    reference = call.images[0].reference
    is_list = rule.get("type") == "array" or "items" in rule
    return [reference] if is_list else reference


def _shape(call: Call, rules: Rules) -> dict[str, JsonValue]:
    """The aspect ratio nearest to the picture's, in the model's spelling and from its list."""
    name = next((name for name in _RATIOS if name in rules), None)
    choices = rules[name].get("enum") if name else None
    if name is None or not isinstance(choices, list):
        return {}
    offered = [choice for choice in cast(list[Any], choices) if isinstance(choice, str)]
    kept = next((word for word in _KEEP_SHAPE if word in offered), None)
    picture = call.images[0]
    ratio = kept or nearest_ratio(picture.width, picture.height, offered)
    return {} if ratio is None else {name: ratio}


def _count_and_seed(call: Call, rules: Rules) -> dict[str, JsonValue]:
    name = next((name for name in _COUNTS if name in rules), None)
    if name is None and call.count > 1:
        raise InvalidArgument(
            "This model makes one picture at a time.", hint="Leave count out.", argument="count"
        )
    body: dict[str, JsonValue] = {} if name is None else {name: call.count}
    return body | {"seed": call.seed} if call.seed is not None and "seed" in rules else body
