"""The 20 looks: named lightings of photographers and film sets; and what one light changes of
another, in the words of a file name: `mug-golden_hour-softer.jpg`.

Numbers follow common practice (angles of portrait patterns, colour temperatures of daylight and
lamps). Real moonlight is about 4100 K; its blue here is the convention of cinema.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .lighting import DAYLIGHT_KELVIN, LIGHT_FROM, Light, Lighting

if TYPE_CHECKING:
    from .job import JobRequest


@dataclass(frozen=True, slots=True)
class Staging:
    """What a photographer shades off beside placing lights, in stops.

    `pool`: how much darker the frame is far from the subject. `ground`: how much darker what lies
    behind the subject is made, if it is bright. `key`: how much darker all of it is made, if it is
    bright: a dark photo is low key already. The lit side of the subject stands `lit` above the
    photo at least, its shade `apart` below that, and it has `warm`, 0..1, of the key's color.
    """

    pool: float = 0.0
    ground: float = 0.0
    key: float = 0.0
    lit: float = 0.0
    apart: float = 0.0
    warm: float = 0.0


@dataclass(frozen=True, slots=True)
class Look:
    """A named lighting, its staging, and the words that ask a text-driven model for it."""

    name: str
    prompt: str
    lighting: Lighting
    staging: Staging = Staging()


def _light(
    azimuth_deg: float,
    elevation_deg: float,
    tone: float | str,
    softness: float,
    intensity: float,
    role: str = "key",
) -> Light:
    color = {"color": tone} if isinstance(tone, str) else {"kelvin": tone}
    return Light.model_validate(
        {
            "azimuth_deg": azimuth_deg,
            "elevation_deg": elevation_deg,
            "softness": softness,
            "intensity": intensity,
            "role": role,
            **color,
        }
    )


def _look(
    name: str,
    prompt: str,
    *lights: Light,
    ambient: float,
    ambient_kelvin: float = DAYLIGHT_KELVIN,
    exposure_ev: float = 0.0,
    staging: Staging = Staging(),
) -> Look:
    lighting = Lighting(
        lights=lights,
        ambient=ambient,
        ambient_kelvin=ambient_kelvin,
        exposure_ev=exposure_ev,
        look=name,
    )
    return Look(name, prompt, lighting, staging)


_ALL = (
    _look(
        "golden_hour", "golden hour sunlight, long warm light",
        _light(-70, 8, 3200, 0.25, 1), ambient=0.35, ambient_kelvin=7500,
        staging=Staging(lit=0.3, apart=1.6, warm=0.85),
    ),
    _look(
        "sunset_backlight", "sunset behind the subject, warm rim",
        _light(150, 6, 2600, 0.2, 2), _light(0, 10, 6000, 0.9, 0.25, "fill"),
        ambient=0.3, ambient_kelvin=8000, exposure_ev=-0.2,
    ),
    _look(
        "blue_hour", "blue hour twilight, soft cool light",
        _light(0, 60, 13000, 1, 0.4), ambient=0.8, ambient_kelvin=16000, exposure_ev=-1.1,
    ),
    _look(
        "noon_sun", "harsh midday sun overhead",
        _light(15, 75, 5600, 0.05, 1), ambient=0.2, ambient_kelvin=8000, exposure_ev=0.2,
    ),
    _look(
        "overcast", "overcast, soft diffused daylight",
        _light(0, 80, 6800, 1, 0.5), ambient=0.9, ambient_kelvin=7000,
    ),
    _look(
        "open_shade", "open shade, cool even light",
        _light(-30, 40, 7500, 0.9, 0.5), ambient=0.8, ambient_kelvin=8000,
    ),
    _look(
        "window_left", "soft window light from the left",
        _light(-75, 15, 5600, 0.7, 1), ambient=0.15, ambient_kelvin=6000,
        staging=Staging(pool=0.5, ground=0.3),
    ),
    _look(
        "window_right", "soft window light from the right",
        _light(75, 15, 5600, 0.7, 1), ambient=0.15, ambient_kelvin=6000,
        staging=Staging(pool=0.5, ground=0.3),
    ),
    _look(
        "rembrandt", "Rembrandt lighting, triangle on cheek",
        _light(45, 45, 4800, 0.35, 1), ambient=0.08, ambient_kelvin=5500, exposure_ev=-0.1,
        staging=Staging(pool=1.3, ground=1.6, lit=0.35, apart=3.8),
    ),
    _look(
        "butterfly", "butterfly (paramount) beauty lighting",
        _light(0, 50, 5200, 0.4, 1), ambient=0.25, ambient_kelvin=5500,
    ),
    _look(
        "loop", "loop portrait lighting",
        _light(-35, 30, 5000, 0.5, 1), ambient=0.3, ambient_kelvin=5500,
        staging=Staging(pool=0.4, ground=0.4),
    ),
    _look(
        "split", "split lighting, half the face in shadow",
        _light(-90, 0, 5000, 0.2, 1), ambient=0.06, ambient_kelvin=5500, exposure_ev=-0.1,
        staging=Staging(pool=1.0, ground=1.6, lit=0.55, apart=6.0),
    ),
    _look(
        "clamshell", "clamshell beauty lighting",
        _light(0, 40, 5600, 0.8, 1), _light(0, -35, 5600, 0.9, 0.5, "fill"),
        ambient=0.3, ambient_kelvin=5600, exposure_ev=0.1,
    ),
    _look(
        "three_point", "three-point studio lighting",
        _light(-45, 30, 5200, 0.5, 1), _light(50, 10, 5600, 0.8, 0.35, "fill"),
        _light(160, 35, 6000, 0.2, 1.2, "rim"), ambient=0.1,
        staging=Staging(pool=0.3, ground=0.8),
    ),
    _look(
        "rim_light", "strong rim light, backlit silhouette edge",
        _light(150, 25, 6500, 0.1, 2.2, "rim"), _light(-150, 25, 6500, 0.1, 2.2, "rim"),
        ambient=0.35, ambient_kelvin=6500, exposure_ev=-0.3,
        staging=Staging(ground=1.8, pool=0.3, key=2.8, lit=1.0, apart=3.0),
    ),
    _look(
        "low_key", "low-key dramatic chiaroscuro",
        _light(-80, 25, 4300, 0.2, 1), ambient=0.04, ambient_kelvin=6000, exposure_ev=-0.65,
        staging=Staging(pool=1.5, ground=2.2, key=0.25),
    ),
    _look(
        "high_key", "high-key bright studio",
        _light(-20, 25, 5600, 0.9, 0.8), _light(20, 25, 5600, 0.9, 0.8),
        ambient=0.9, ambient_kelvin=5800, exposure_ev=0.5,
    ),
    _look(
        "neon", "neon magenta and cyan city lights",
        _light(-80, 5, "#FF1EB4", 0.3, 1), _light(80, 5, "#14AAFF", 0.3, 1),
        ambient=0.12, ambient_kelvin=6500, exposure_ev=-0.2,
        staging=Staging(pool=0.5, ground=0.8, key=0.4),
    ),
    _look(
        "candlelight", "candlelight from below, flickering warm",
        _light(10, -25, 1900, 0.4, 1), ambient=0.08, ambient_kelvin=3000, exposure_ev=-0.7,
        staging=Staging(pool=1.4, ground=1.2),
    ),
    _look(
        "moonlight", "moonlit night, cool dim light",
        _light(40, 55, 8500, 0.1, 1), ambient=0.15, ambient_kelvin=11000, exposure_ev=-1.3,
        staging=Staging(pool=0.4, ground=0.5, key=0.6),
    ),
)  # fmt: skip

LOOKS: dict[str, Look] = {look.name: look for look in _ALL}


def look_of(lighting: Lighting) -> Look | None:
    """The look a lighting was made of, if it was; its fields may have been changed since."""
    return LOOKS.get(lighting.look or "")


def names_color(lighting: Lighting) -> bool:
    """Whether the caller named a color: a look alone does not color a black-and-white photo."""
    look = look_of(lighting)
    usual = [(light.kelvin, light.color) for light in look.lighting.lights] if look else []
    for index, light in enumerate(lighting.lights):
        tone = light.kelvin, light.color
        if tone != (None, None) and (index >= len(usual) or usual[index] != tone):
            return True
    return False


_MORE_LESS: dict[str, tuple[str, str]] = {
    "softness": ("softer", "harder"),
    "kelvin": ("cooler", "warmer"),
    "exposure": ("brighter", "darker"),
    "strength": ("stronger", "gentler"),
    "ambient": ("more_fill", "less_fill"),
}
_REGION = {"all": "everywhere", "subject": "subject_only", "background": "background_only"}
_DIRECTION = frozenset({"lamp", *(f"from_{word}" for word in LIGHT_FROM)})
_MAX_WORDS = 6


def result_stem(request: "JobRequest", number: int = 1) -> str:
    """The file name of a result without its extension; `number` counts those of one job."""
    words = request.changes
    if request.lighting.look is not None:
        words = (request.lighting.look, *words)
    stem = "-".join((request.image_name, *(words or ("relit",))))
    return stem if number == 1 else f"{stem}-{number}"


def words_of_changes(
    lighting: Lighting, model: str, base: "JobRequest | None" = None
) -> tuple[str, ...]:
    """What a light changes of its look, or of the job it is based on, most telling first."""
    if base is None or base.lighting.look != lighting.look:
        look = look_of(lighting)
        if look is None:
            return tuple(_told(lighting))[:_MAX_WORDS]
        return tuple(_differences(look.lighting, lighting))[:_MAX_WORDS]
    new = list(_differences(base.lighting, lighting))
    if base.model != model:
        new.append(model.rpartition("/")[2].replace(":", "_"))
    kept = [word for word in base.changes if not any(_same_kind(word, other) for other in new)]
    return tuple((kept + new)[-_MAX_WORDS:])


def _told(lighting: Lighting) -> Iterator[str]:
    """A light of no look."""
    key = lighting.key
    if key is not None:
        yield _direction(key)
        if key.color is not None:
            yield key.color.removeprefix("#").lower()
        elif key.kelvin is not None:
            yield "warm" if key.kelvin < DAYLIGHT_KELVIN else "cool"
    if lighting.region != "all":
        yield _REGION[lighting.region]


def _differences(before: Lighting, after: Lighting) -> Iterator[str]:
    was, now = before.key, after.key
    if was is not None and now is not None:
        if (was.azimuth_deg, was.elevation_deg, was.at) != (
            now.azimuth_deg, now.elevation_deg, now.at
        ):  # fmt: skip
            yield _direction(now)
        yield from _compared("softness", was.softness, now.softness)
        yield from _color(was, now)
    was_ev, now_ev = _exposure(before), _exposure(after)
    yield from _compared("exposure", was_ev, now_ev)
    yield from _compared("strength", before.strength, after.strength)
    yield from _compared("ambient", before.ambient, after.ambient)
    if before.region != after.region:
        yield _REGION[after.region]
    if before.prompt != after.prompt:
        yield "reworded"


def _compared(kind: str, before: float, after: float) -> Iterator[str]:
    if not math.isclose(before, after):
        yield _MORE_LESS[kind][0 if after > before else 1]


def _color(was: Light, now: Light) -> Iterator[str]:
    if now.color is not None:
        if now.color != was.color:
            yield now.color.removeprefix("#").lower()
        return
    yield from _compared("kelvin", was.kelvin or DAYLIGHT_KELVIN, now.kelvin or DAYLIGHT_KELVIN)


def _exposure(lighting: Lighting) -> float:
    """How bright it is meant to be, in stops."""
    key = lighting.key
    stops = math.log2(key.intensity) if key is not None and key.intensity > 0 else 0.0
    return lighting.exposure_ev + stops


def _direction(light: Light) -> str:
    """The nearest word for where it comes from."""
    if light.at is not None:
        return "lamp"

    def nearness(word: str) -> float:
        azimuth, elevation = LIGHT_FROM[word]
        other = Light(azimuth_deg=azimuth, elevation_deg=elevation).direction
        return sum(a * b for a, b in zip(light.direction, other, strict=True))

    return f"from_{max(LIGHT_FROM, key=nearness)}"


def _same_kind(word: str, other: str) -> bool:
    pairs = (*_MORE_LESS.values(), tuple(_REGION.values()), tuple(_DIRECTION))
    return word == other or any(word in kind and other in kind for kind in pairs)
