"""The light: one description for every model.

Frame: x to the image's right (the viewer's right), y up, z from the subject to the camera.
`azimuth_deg` 0 = a light at the camera, +90 = from the image's right, -90 = left, ±180 behind.
`elevation_deg` +90 = overhead, -90 = from below. A lamp may have a place in the picture instead.
"""

import math
from typing import Annotated, Literal, Self, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from . import words
from .position import PlaceOf, seen_from

Role = Literal["key", "fill", "rim", "background"]
Side = Literal["left", "right", "top", "bottom"]
Region = Literal["all", "subject", "background"]
"""Where the light may change."""
MAX_LIGHTS = 8
DAYLIGHT_KELVIN = 6504.0
LAMP_FALLOFF = 1.0
"""Of a lamp with a place: its light fades with the square of the distance."""

_EVEN_SOFTNESS, _EVEN_AMBIENT = 0.8, 0.8
"""A source as soft as a dome, or this share of the key's intensity from everywhere, has no side."""
NOTED_EV = 0.4
"""Stops of exposure from which a viewer notes that it was asked for."""
_RIVAL = 0.7
"""Two lights within 30 % of each other's intensity rival."""
_OFF_AXIS = math.sin(math.radians(20))
_BEHIND_DEG, _OVERHEAD_DEG = 120.0, 80.0

LIGHT_FROM: dict[str, tuple[float, float]] = {
    "left": (-60, 10),
    "right": (60, 10),
    "top": (0, 70),
    "bottom": (0, -50),
    "front": (0, 10),
    "back": (180, 25),
    "top-left": (-45, 45),
    "top-right": (45, 45),
    "bottom-left": (-45, -45),
    "bottom-right": (45, -45),
}
"""Words for (azimuth_deg, elevation_deg)."""


def no_bool(value: object) -> object:
    """JSON's true is not the number 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic reports ValueError only
    return value


def _wrap_azimuth(value: object) -> object:
    """Bring an azimuth in -360…360 into (-180, 180]."""
    if isinstance(value, (int, float)) and -360 <= value <= 360:
        wrapped = round((value + 180) % 360 - 180, 6)
        return 180.0 if wrapped == -180 else wrapped
    return value


Number = BeforeValidator(no_bool)
Azimuth = Annotated[
    float,
    Field(ge=-180, le=180, allow_inf_nan=False),
    BeforeValidator(_wrap_azimuth),
    Number,
]
Elevation = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False), Number]
Kelvin = Annotated[
    float, Field(ge=1500, le=20000, allow_inf_nan=False), Number, BeforeValidator(words.kelvin)
]
Color = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$"), BeforeValidator(words.color)]
Intensity = Annotated[float, Field(ge=0, le=8, allow_inf_nan=False), Number]
Softness = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), Number]
Ambient = Annotated[float, Field(ge=0, le=4, allow_inf_nan=False), Number]
ExposureEv = Annotated[float, Field(ge=-4, le=4, allow_inf_nan=False), Number]
Strength = Annotated[float, Field(ge=0, le=1.5, allow_inf_nan=False), Number]
Falloff = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), Number]


class Light(BaseModel):
    """One light. `kelvin` and `color` exclude each other; with neither it is daylight.

    A light with a place, `at`, is a lamp there; its angles are the direction in which `aimed` last
    saw it, for whatever knows no places.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role = "key"
    azimuth_deg: Azimuth = 0.0
    elevation_deg: Elevation = 10.0
    at: PlaceOf | None = None
    kelvin: Kelvin | None = None
    color: Color | None = None
    intensity: Intensity = 1.0
    softness: Softness = 0.3
    falloff: Falloff = 0.35

    @model_validator(mode="before")
    @classmethod
    def _lamps_fade(cls, values: object) -> object:
        if isinstance(values, dict):
            given = cast(dict[str, object], values)
            if given.get("at") is not None and given.get("falloff") is None:
                return {**given, "falloff": LAMP_FALLOFF}
        return cast(object, values)

    @model_validator(mode="after")
    def _one_color(self) -> Self:
        if self.kelvin is not None and self.color is not None:
            raise ValueError("kelvin and color exclude each other")
        return self

    @property
    def direction(self) -> tuple[float, float, float]:
        """Unit vector from the subject towards the light."""
        azimuth, elevation = math.radians(self.azimuth_deg), math.radians(self.elevation_deg)
        return (
            math.sin(azimuth) * math.cos(elevation),
            math.sin(elevation),
            math.cos(azimuth) * math.cos(elevation),
        )

    def aimed(self, middle: tuple[float, float], width: float, height: float) -> Self:
        """With the angles in which a lamp is seen from `middle` (fractions of the picture)."""
        if self.at is None:
            return self
        azimuth, elevation = seen_from(self.at, middle, width, height)
        return self.model_copy(update={"azimuth_deg": azimuth, "elevation_deg": elevation})

    @property
    def angular_diameter_deg(self) -> float:
        """How large the source looks from the subject: 0.5° (sun) … 120° (dome)."""
        return 0.5 + 119.5 * self.softness**1.5

    @property
    def is_behind(self) -> bool:
        """Whether it lights the subject from behind, and not from straight above or below."""
        return abs(self.azimuth_deg) > _BEHIND_DEG and abs(self.elevation_deg) < _OVERHEAD_DEG

    @property
    def is_sideways(self) -> bool:
        """Whether left or right is what people notice of it, and not its height: unless a light is
        much more vertical, it is."""
        x, y, _ = self.direction
        return abs(x) >= 0.6 * abs(y)


class Lighting(BaseModel):
    """Everything that was asked of the light, resolved: looks expanded, defaults filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lights: Annotated[tuple[Light, ...], Field(max_length=MAX_LIGHTS)] = ()
    ambient: Ambient = 0.25
    ambient_kelvin: Kelvin = DAYLIGHT_KELVIN
    exposure_ev: ExposureEv = 0.0
    strength: Strength = 1.0
    region: Region = "all"
    look: str | None = None
    prompt: str | None = None

    @property
    def key(self) -> Light | None:
        """The key light: the strongest of role `key`, else of what lights the subject, else of
        all."""
        keys = [light for light in self.lights if light.role == "key"] or self.leading
        return max(keys, key=lambda light: light.intensity, default=None)

    @property
    def is_filled(self) -> bool:
        """Whether the light from everywhere is about as strong as the key."""
        return self.key is None or self.ambient >= _EVEN_AMBIENT * self.key.intensity

    @property
    def is_even(self) -> bool:
        """Whether the light has no direction to name: a dome, or fill as strong as the key."""
        return self.key is None or self.key.softness >= _EVEN_SOFTNESS or self.is_filled

    @property
    def is_dark(self) -> bool:
        """Whether the picture is to become clearly darker."""
        return self.exposure_ev * self.strength <= -NOTED_EV

    @property
    def rivals(self) -> tuple[Light, ...]:
        """Lights of the key's role that come from the other side and are about as strong."""
        key = self.key
        if key is None:
            return ()
        return tuple(
            other
            for other in self.lights
            if other.role == key.role
            and other.direction[0] * key.direction[0] < 0
            and other.intensity >= _RIVAL * key.intensity
        )

    @property
    def is_opposed(self) -> bool:
        """Whether rivals light the subject from two sides."""
        return bool(self.rivals)

    @property
    def named_side(self) -> Side | None:
        """The one side of the picture the light comes from, as a viewer would name it: what models
        are told, and what results are judged by. None for even, opposed and frontal light, and for
        light on the background alone: a side of the picture would light the subject as well."""
        key = self.key
        if key is None or self.is_even or self.is_opposed or self.lit_region == "background":
            return None
        x, y, _ = key.direction
        if math.hypot(x, y) <= _OFF_AXIS:
            return None
        if key.is_sideways:
            return "right" if x > 0 else "left"
        return "top" if y > 0 else "bottom"

    @property
    def leading(self) -> tuple[Light, ...]:
        """The lights that decide how the picture is exposed: not those for the background, unless
        there are no others."""
        others = tuple(light for light in self.lights if light.role != "background")
        return others or self.lights

    @property
    def has_places(self) -> bool:
        return any(light.at is not None for light in self.lights)

    @property
    def lit_region(self) -> Region:
        """`region`; where every light is for the background, that."""
        only = self.lights and all(light.role == "background" for light in self.lights)
        return "background" if only and self.region == "all" else self.region

    def aimed(self, middle: tuple[float, float], width: float, height: float) -> Self:
        """Every lamp with the angles in which it is seen from `middle`: see `Light.aimed`."""
        if not self.has_places:
            return self
        lights = tuple(light.aimed(middle, width, height) for light in self.lights)
        return self.model_copy(update={"lights": lights})
