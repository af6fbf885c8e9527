"""The light of a call, flat: its arguments, and the lightings they make."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from mcp_relight.errors import InvalidArgument, RequestError, UnknownLook

from . import words
from .arguments import Arguments, Text
from .lighting import (
    LAMP_FALLOFF,
    LIGHT_FROM,
    Ambient,
    Color,
    Elevation,
    ExposureEv,
    Intensity,
    Kelvin,
    Light,
    Lighting,
    Number,
    Region,
    Softness,
    Strength,
)
from .lights_json import parse_lights
from .looks import LOOKS
from .position import place_text, read_place
from .steps import OrStep, Step
from .words import did_you_mean

STEPPED = ("kelvin", "intensity", "softness", "ambient", "exposure_ev", "strength")
"""The arguments that also take a step."""
MAX_LOOKS = 12

LightFrom = Literal[
    "left",
    "right",
    "top",
    "bottom",
    "front",
    "back",
    "top-left",
    "top-right",
    "bottom-left",
    "bottom-right",
]


def _one_spelling(place: str | None) -> str | None:
    return None if place is None else place_text(read_place(place))


class LightArguments(Arguments):
    """The light, flat. Explicit arguments override the key light of `look`."""

    look: Annotated[
        Text | None,
        Field(
            max_length=400,
            description="Named lighting: " + ", ".join(LOOKS) + ". Several, comma separated, "
            "make one job each.",
        ),
    ] = None
    light_from: Annotated[
        LightFrom | None,
        BeforeValidator(words.side),
        Field(
            description="Where the light comes from, as the viewer sees the image: "
            + ", ".join(get_args(LightFrom))
            + ". Excludes the two angles."
        ),
    ] = None
    azimuth_deg: Annotated[
        float | None,
        Field(
            ge=-360,
            le=360,
            allow_inf_nan=False,
            description="-360..360: 0 at the camera, 90 image right, -90 left, 180 behind.",
        ),
        Number,
    ] = None
    elevation_deg: Annotated[Elevation | None, Field(description="-90..90: 90 overhead.")] = None
    light_at: Annotated[
        Text | None,
        Field(
            description='A lamp in the picture: "x,y" or "x,y,z"; x, y -1..2 in fractions of width '
            "and height (0,0 top left), z -3..3 in long sides before the picture (0.35; below 0 "
            "behind the subject). Excludes light_from and the two angles.",
        ),
        AfterValidator(_one_spelling),
    ] = None
    kelvin: Annotated[
        Kelvin | None, Field(description="1500..20000; excludes color."), OrStep("+300")
    ] = None
    color: Annotated[Color | None, Field(description="#RRGGBB or a name; excludes kelvin.")] = None
    intensity: Annotated[
        Intensity | None, Field(description="0..8; 1 keeps mean exposure."), OrStep("+20%")
    ] = None
    softness: Annotated[
        Softness | None, Field(description="0 hard sun .. 1 dome."), OrStep("+0.2")
    ] = None
    ambient: Annotated[
        Ambient | None,
        Field(description="0..4: fill relative to the key; low = deep shadows."),
        OrStep("+0.2"),
    ] = None
    exposure_ev: Annotated[ExposureEv | None, Field(description="-4..4 stops."), OrStep("+0.5")] = (
        None
    )
    strength: Annotated[
        Strength | None, Field(description="0..1.5; 0 = original, 1 = as asked."), OrStep("-20%")
    ] = None
    lights: Annotated[
        Text | None,
        Field(
            max_length=8000,
            description="JSON list of up to 8 lights {azimuth_deg, elevation_deg | at: [x,y,z], "
            "kelvin | color, intensity, softness, role: key|fill|rim|background (lights only the "
            "surroundings), falloff 0..1}. Excludes look and the single-light arguments.",
        ),
    ] = None
    region: Annotated[
        Region | None,
        Field(description="Where the light may change: all (default) | subject | background."),
    ] = None
    prompt: Annotated[
        Text | None,
        Field(
            max_length=4000,
            description="Free words for remote models; local/classic reads none.",
        ),
    ] = None

    def lightings(self) -> list[Lighting]:
        """One Lighting per look (or one in all). Raises UnknownLook or InvalidArgument."""
        for error in self.conflicts():
            raise error
        if self.look is not None:
            return [self._from_look(name) for name in _look_names(self.look)]
        if self.lights is not None:
            return [self._with_surroundings(Lighting(lights=parse_lights(self.lights)))]
        if self._describes_direction_or_color or self._is_matched:
            return [self._with_surroundings(Lighting(lights=(self.over(Light()),)))]
        return [self._with_surroundings(Lighting())]

    @property
    def _is_matched(self) -> bool:
        """Whether another photo's light is asked for."""
        return False

    @property
    def _describes_direction_or_color(self) -> bool:
        return any(
            value is not None
            for value in (
                self.light_from,
                self.azimuth_deg,
                self.elevation_deg,
                self.light_at,
                self.kelvin,
                self.color,
            )
        )

    def conflicts(self) -> Iterator[RequestError]:
        yield from self._exclusions()
        yield from self._lone_steps()
        for read, text in ((_look_names, self.look), (parse_lights, self.lights)):
            try:
                if text is not None:
                    read(text)
            except RequestError as error:
                yield error

    @property
    def changes_a_job(self) -> bool:
        """Whether steps have a job to start from."""
        return False

    def _lone_steps(self) -> Iterator[RequestError]:
        for name in STEPPED:
            if isinstance(getattr(self, name), Step) and not self.changes_a_job:
                yield InvalidArgument(
                    f"{name} takes a step only with based_on.",
                    hint=f"Give {name} as a number, or based_on=<job_id> to change that job.",
                    argument=name,
                )

    def _exclusions(self) -> Iterator[RequestError]:
        if self.kelvin is not None and self.color is not None:
            yield InvalidArgument(
                "kelvin and color exclude each other.",
                hint="Keep kelvin for a white light, or color for a coloured one.",
                argument="kelvin",
            )
        if self.light_from is not None and (
            self.azimuth_deg is not None or self.elevation_deg is not None
        ):
            yield InvalidArgument(
                "light_from excludes azimuth_deg and elevation_deg.",
                hint="Use the word or the two angles, not both.",
                argument="light_from",
            )
        angles = ("light_from", "azimuth_deg", "elevation_deg")
        if self.light_at is not None and any(getattr(self, name) is not None for name in angles):
            yield InvalidArgument(
                "light_at excludes light_from, azimuth_deg and elevation_deg.",
                hint="Say where the lamp is or where its light comes from, not both.",
                argument="light_at",
            )
        if self.lights is None:
            return
        single = ("look", *angles, "light_at", "kelvin", "color", "intensity", "softness")
        if both := ", ".join(name for name in single if getattr(self, name) is not None):
            yield InvalidArgument(
                f"lights excludes {both}.",
                hint=f"Put {both} inside the lights list, or leave lights out.",
                argument="lights",
            )

    def _from_look(self, name: str) -> Lighting:
        lighting = LOOKS[name].lighting
        key = lighting.key
        lights = tuple(self.over(light) if light is key else light for light in lighting.lights)
        return self._with_surroundings(lighting.model_copy(update={"lights": lights}))

    def over(self, light: Light) -> Light:
        """The light with what these arguments say of one light."""
        changes: dict[str, Any] = {}
        if self.light_from is not None:
            changes["azimuth_deg"], changes["elevation_deg"] = LIGHT_FROM[self.light_from]
        if self.light_at is not None:
            changes.update(at=self.light_at, falloff=LAMP_FALLOFF)
        if self.kelvin is not None:
            changes.update(kelvin=self.kelvin, color=None)
        if self.color is not None:
            changes.update(color=self.color, kelvin=None)
        for name in ("azimuth_deg", "elevation_deg", "intensity", "softness"):
            value = getattr(self, name)
            if value is not None:
                changes[name] = value
        return Light.model_validate({**light.model_dump(), **changes})

    def _with_surroundings(self, lighting: Lighting) -> Lighting:
        changes = {
            name: value
            for name in ("ambient", "exposure_ev", "strength", "prompt", "region")
            if (value := getattr(self, name)) is not None
        }
        return lighting.model_copy(update=changes)


def limits_of(name: str) -> tuple[float, float]:
    """The least and the most a number of the light may be."""
    number, _ = LightArguments.model_json_schema()["properties"][name]["anyOf"]
    return number["minimum"], number["maximum"]


def _look_names(text: str) -> list[str]:
    names = [str(words.choice(name.strip(), LOOKS)) for name in text.split(",")]
    names = list(dict.fromkeys(name for name in names if name))
    if not names or len(names) > MAX_LOOKS:
        raise InvalidArgument(
            f"look must name 1 to {MAX_LOOKS} looks.",
            hint="Looks: " + ", ".join(LOOKS) + ".",
            argument="look",
        )
    unknown = [(place, name) for place, name in enumerate(names, 1) if name not in LOOKS]
    if unknown:
        raise UnknownLook(
            " ".join(_which_look(place, name, of=len(names)) for place, name in unknown),
            hint="Looks: " + ", ".join(LOOKS) + ".",
            argument="look",
        )
    return names


def _which_look(place: int, name: str, *, of: int) -> str:
    which = "No look of that name." if of == 1 else f"Number {place} of the {of} in look is none."
    return f"{which} {did_you_mean(name, LOOKS)}".strip()
