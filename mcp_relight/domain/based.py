"""A request that changes an earlier job: everything of it, with what is given put in its place."""

import json
from typing import Any, TypeVar

from pydantic import JsonValue

from mcp_relight.errors import InvalidArgument

from .arguments import LEFT_OUT
from .image import URI_PREFIX
from .job import JobRequest
from .light_arguments import STEPPED, LightArguments, limits_of
from .lighting import DAYLIGHT_KELVIN, LIGHT_FROM, Light, Lighting
from .lights_json import parse_lights
from .request import PlanArguments
from .steps import Step

Asked = TypeVar("Asked", bound=PlanArguments)

_KEPT = ("finish", "seed")
_ANGLES = frozenset({"light_from", "azimuth_deg", "elevation_deg"})
_OF_ONE_LIGHT = _ANGLES | {"light_at", "kelvin", "color", "intensity", "softness"}
_REPLACED: dict[str, frozenset[str]] = {
    "light_from": _ANGLES | {"light_at"},
    "azimuth_deg": frozenset({"light_at"}),
    "elevation_deg": frozenset({"light_at"}),
    "light_at": _ANGLES,
    "kelvin": frozenset({"color"}),
    "color": frozenset({"kelvin"}),
    "look": frozenset({"lights", "reference"}),
    "lights": _OF_ONE_LIGHT | {"look", "reference"},
    "reference": frozenset({"look", "lights"}),
}
"""What an argument puts out of force, beside its own namesake."""


def asked_of(arguments: PlanArguments, look: str | None) -> dict[str, JsonValue]:
    """What a job keeps of the arguments that made it, for jobs based on it; `look` is its own of
    those asked for."""
    kept = {*_LIGHT_NAMES, *_KEPT}
    values = arguments.model_dump(mode="json", exclude_none=True, include=kept)
    if look is not None:
        values["look"] = look
    word = values.pop("light_from", None)
    if word is not None:
        values["azimuth_deg"], values["elevation_deg"] = LIGHT_FROM[word]
    return values


_LIGHT_NAMES = frozenset(
    ("look", *_OF_ONE_LIGHT, "ambient", "exposure_ev", "strength", "lights", "region", "prompt")
)


def based_on(arguments: Asked, base: JobRequest, *, same_picture: bool) -> tuple[Asked, list[str]]:
    """The whole request, and warnings. Its image is that of the job, unless another is given; so is
    the mask, with the `same_picture`. Raises InvalidArgument for a step that has nothing to start
    from."""
    kind, given = type(arguments), _values(arguments)
    steps = {name: value for name in STEPPED if isinstance(value := given.get(name), Step)}
    given = {name: value for name, value in given.items() if name not in steps}
    values = _kept(base, given, same_picture=same_picture)
    whole = _with(values, given, kind)
    if not steps:
        return whole, []
    is_new_light = not given.keys().isdisjoint({"look", "lights", "reference"})
    start = whole.lightings()[0] if is_new_light else base.lighting
    made, warnings = _stepped(steps, start)
    return _with(_values(whole), made, kind), warnings


def _values(arguments: PlanArguments) -> dict[str, Any]:
    """Those that are given."""
    values = {name: getattr(arguments, name) for name in arguments.model_fields_set}
    return {name: value for name, value in values.items() if value not in (None, LEFT_OUT)}


def _kept(base: JobRequest, given: dict[str, Any], *, same_picture: bool) -> dict[str, Any]:
    """The arguments of the job itself."""
    values: dict[str, Any] = _spelled_out(base) if base.asked is None else dict(base.asked)
    values |= {"image": URI_PREFIX + base.image_id, "model": base.model}
    if base.reference_id is not None:
        values["reference"] = URI_PREFIX + base.reference_id
    if base.mask_id is not None and same_picture:
        values["mask"] = URI_PREFIX + base.mask_id
    params = dict(base.params)
    if same_picture:
        params |= {name: URI_PREFIX + one for name, one in base.extra_image_ids.items()}
    if params and given.get("model", base.model) == base.model:
        values["params"] = json.dumps(params)
    return values


def _spelled_out(base: JobRequest) -> dict[str, Any]:
    """For a job of a version that kept no arguments."""
    lighting = base.lighting
    lights = [_as_json(light) for light in lighting.lights]
    facts = lighting.model_dump(include={"ambient", "exposure_ev", "strength", "region", "prompt"})
    told = {name: value for name, value in facts.items() if value is not None}
    if lights:
        told["lights"] = json.dumps(lights)
    return told | {"finish": base.finish}


def _with(values: dict[str, Any], given: dict[str, Any], kind: type[Asked]) -> Asked:
    """`values` with what is given in the place of its namesake and of what it excludes."""
    changes = {name: value for name, value in given.items() if name in _OF_ONE_LIGHT}
    if changes and "lights" in values and given.keys().isdisjoint({"look", "lights"}):
        others = {name: value for name, value in given.items() if name not in changes}
        given = others | {"lights": _with_key(values["lights"], changes)}
    out = set[str]().union(*(_REPLACED.get(name, ()) for name in given))
    kept = {name: value for name, value in values.items() if name not in out}
    return kind.model_validate(kept | given)


def _with_key(lights_json: str, changes: dict[str, Any]) -> str:
    """The list of lights with its key light changed."""
    lights = parse_lights(lights_json)
    key = Lighting(lights=lights).key
    change = LightArguments.model_validate(changes)
    return json.dumps([_as_json(change.over(one) if one is key else one) for one in lights])


def _as_json(light: Light) -> dict[str, JsonValue]:
    """As in the argument `lights`, where a place excludes the angles."""
    angles = {"azimuth_deg", "elevation_deg"} if light.at is not None else None
    return light.model_dump(mode="json", exclude_none=True, exclude=angles)


def _stepped(steps: dict[str, Step], start: Lighting) -> tuple[dict[str, float], list[str]]:
    made: dict[str, float] = {}
    warnings: list[str] = []
    for name, step in steps.items():
        before = _number(name, start)
        if before is None:
            raise InvalidArgument(
                f"{name} of that job is not a number that a step could change.",
                hint=f"Give {name} as a number.",
                argument=name,
            )
        if step.is_share and before == 0:
            raise InvalidArgument(
                f"{name} of that job is 0, and so is every share of it.",
                hint=f'Give a step such as {name}="+0.3", or a number.',
                argument=name,
            )
        low, high = limits_of(name)
        after = step.applied(before)
        made[name] = min(max(after, low), high)
        if made[name] != after:
            warnings.append(f"{name} ends at {made[name]:g}, where its range does.")
    return made, warnings


def _number(name: str, lighting: Lighting) -> float | None:
    key = lighting.key
    if name in ("strength", "ambient", "exposure_ev"):
        return getattr(lighting, name)
    if key is None or (name == "kelvin" and key.color is not None):
        return None
    return (key.kelvin or DAYLIGHT_KELVIN) if name == "kelvin" else getattr(key, name)
