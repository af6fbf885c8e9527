"""A relighting request: what is planned, what is carried out, and what is taken over from an
earlier job."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import Field, JsonValue

from mcp_relight.errors import InvalidArgument, RequestError

from .arguments import LEFT_OUT, Text
from .image import URI_PREFIX
from .job import Finish, JobRequest
from .light_arguments import STEPPED, LightArguments, limits_of
from .lighting import DAYLIGHT_KELVIN, LIGHT_FROM, Light, Lighting, Number
from .lights_json import parse_lights
from .steps import Step
from .words import is_unset

MAX_COUNT = 12
MAX_WAIT_S = 45.0
DEFAULT_WAIT_S = 4.0


class PlanArguments(LightArguments):
    """A relighting that is only planned."""

    instead: ClassVar[Mapping[str, str]] = {"image": "based_on"}

    image: Annotated[
        str,
        Field(
            min_length=1,
            max_length=6_000_000,
            description="Required without based_on: path, file://, https://, data:, "
            "relight://images/<id>, job_id (its result), or latest (newest photo in the allowed "
            "folders); or up to 200 in one set: a folder, a pattern (dir/*.jpg), a comma list. "
            "Chat attachments never reach this server.",
        ),
    ]
    based_on: Annotated[
        Text | None,
        Field(
            max_length=100,
            description="job_id to change: its photo and arguments, but for those given here. "
            'kelvin, intensity, softness, ambient, exposure_ev, strength also take steps: "+10%", '
            '"-0.2", "+300".',
        ),
    ] = None
    reference: Annotated[
        Text | None,
        Field(description="Another photo whose light is matched; excludes look and lights."),
    ] = None
    mask: Annotated[
        Text | None,
        Field(description="Image reference: white = subject, black = surroundings."),
    ] = None
    model: Annotated[
        Text | None,
        Field(max_length=200, description="A model of list_models; default local/classic (free)."),
    ] = None
    params: Annotated[
        Text | None,
        Field(
            max_length=20_000,
            description="JSON object of the model's own parameters.",
        ),
    ] = None
    count: Annotated[
        int | None, Field(ge=1, le=MAX_COUNT, description="1..12 pictures."), Number
    ] = None
    seed: Annotated[
        int | None,
        Field(ge=0, le=2**32 - 1, description="0..4294967295, where the model takes one."),
        Number,
    ] = None
    finish: Annotated[
        Finish | None,
        Field(
            description="as-returned | light-only (the light alone on your original pixels) | auto."
        ),
    ] = None
    max_cost_usd: Annotated[
        float | None,
        Field(
            ge=0,
            le=1000,
            allow_inf_nan=False,
            description="0..1000: refuse above this price of the call; consent up to it.",
        ),
        Number,
    ] = None
    preview: Annotated[bool | None, Field(description="Also return one small inline JPEG.")] = None

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """As in `Arguments`; without a job to change, "-0.5" is a number as it stands."""
        ev = values.get("exposure_ev")
        if isinstance(ev, str) and is_unset(values.get("based_on")):
            step = Step.read(ev)
            if step is not None and step < 0 and not step.is_share:
                values = {**values, "exposure_ev": float(step)}
        return super().parse(values)

    @property
    def changes_a_job(self) -> bool:
        return self.based_on is not None

    def conflicts(self) -> Iterator[RequestError]:
        yield from super().conflicts()
        for name in ("look", "lights"):
            if self.reference is not None and getattr(self, name) is not None:
                yield InvalidArgument(
                    f"reference excludes {name}.",
                    hint=f"Match the reference, or use {name}.",
                    argument="reference",
                )

    def lightings(self) -> list[Lighting]:
        """As in `LightArguments`; a matched light tints its fill as well."""
        found = super().lightings()
        if self.reference is None or self.kelvin is None:
            return found
        return [one.model_copy(update={"ambient_kelvin": self.kelvin}) for one in found]

    @property
    def _is_matched(self) -> bool:
        return self.reference is not None


class RelightArguments(PlanArguments):
    """A relighting that is carried out."""

    wait_s: Annotated[
        float | None,
        Field(
            ge=0,
            le=MAX_WAIT_S,
            allow_inf_nan=False,
            description="0..45 seconds to wait for the result (4).",
        ),
        Number,
    ] = None
    idempotency_key: Annotated[
        Text | None,
        Field(max_length=200, description="The same key returns the same job."),
    ] = None


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
