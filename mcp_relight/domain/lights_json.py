"""The `lights` argument: several lights as the text of a JSON list."""

from typing import cast, get_args

from pydantic import ValidationError

from mcp_relight.errors import InvalidArgument

from . import words
from .lighting import LIGHT_FROM, MAX_LIGHTS, Light, Role
from .words import did_you_mean, is_unset, rule_broken, value_of

_EXAMPLE = 'For instance lights=\'[{"azimuth_deg": -60, "kelvin": 3200}]\'.'


def parse_lights(text: str) -> tuple[Light, ...]:
    """The lights of a JSON list. Raises InvalidArgument."""
    try:
        values = value_of(text)
    except (ValueError, RecursionError):
        raise InvalidArgument(
            "lights is not valid JSON.", hint=_EXAMPLE, argument="lights"
        ) from None
    if not isinstance(values, list) or not values:
        raise InvalidArgument(
            "lights must be a JSON list of light objects.", hint=_EXAMPLE, argument="lights"
        )
    lights = cast(list[object], values)
    if len(lights) > MAX_LIGHTS:
        raise InvalidArgument(
            f"lights has more than {MAX_LIGHTS} entries.",
            hint=f"Give at most {MAX_LIGHTS} lights.",
            argument="lights",
        )
    return tuple(_parse_light(index, value) for index, value in enumerate(lights))


def _parse_light(index: int, value: object) -> Light:
    if isinstance(value, dict):
        value = _placed_once(index, cast(dict[str, object], value))
    try:
        return Light.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = f"lights[{index}]" + "".join(f".{part}" for part in first["loc"])
        if first["type"] == "extra_forbidden":
            suggestion = did_you_mean(str(first["loc"][-1]), Light.model_fields)
            raise InvalidArgument(
                f"lights[{index}] has a name no light knows. {suggestion}".strip(),
                hint="Known: " + ", ".join(Light.model_fields) + ".",
                argument="lights",
            ) from None
        raise InvalidArgument(
            rule_broken(where, first["msg"]),
            hint="Each light is one JSON object; see the ranges of relight_image.",
            argument="lights",
        ) from None


def _placed_once(index: int, given: dict[str, object]) -> dict[str, object]:
    """The names of the single-light arguments read as the list's own; one place alone."""
    light = {
        ("at" if name == "light_at" else name): value
        for name, value in given.items()
        if not is_unset(value)
    }
    if isinstance(word := light.get("light_from"), str):
        angles = LIGHT_FROM.get(str(words.side(word)))
        if angles is None or {"azimuth_deg", "elevation_deg"} & light.keys():
            raise InvalidArgument(
                f"lights[{index}].light_from must be one word, without the two angles.",
                hint="Words: " + ", ".join(LIGHT_FROM) + ".",
                argument="lights",
            )
        del light["light_from"]
        light["azimuth_deg"], light["elevation_deg"] = angles
    if "role" in light:
        light["role"] = words.choice(light["role"], get_args(Role))
    if light.get("at") is not None and {"azimuth_deg", "elevation_deg"} & light.keys():
        raise InvalidArgument(
            f"lights[{index}].at excludes azimuth_deg, elevation_deg and light_from.",
            hint="Say where the lamp is or where its light comes from, not both.",
            argument="lights",
        )
    return light
