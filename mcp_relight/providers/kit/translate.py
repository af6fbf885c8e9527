"""The light in the words of others: prompts, IC-Light's five directions, and honesty about both;
and sizes that keep the shape of the input, in the terms providers offer."""

import math
from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import JsonValue

from mcp_relight.domain.job import FieldHonesty
from mcp_relight.domain.lighting import Light, Lighting, Side
from mcp_relight.domain.looks import LOOKS

LightSource = Literal["None", "Left Light", "Right Light", "Top Light", "Bottom Light"]

ALL_FIELDS = (
    "azimuth_deg",
    "elevation_deg",
    "light_at",
    "kelvin",
    "color",
    "intensity",
    "softness",
    "falloff",
    "ambient",
    "exposure_ev",
    "strength",
    "region",
    "role",
)
"""The fields of a light that every model gives an account of."""

ONLY_THE_LIGHT = "change only the light: keep the subject, the framing and every detail"
"""What a model that could change anything is told as well."""
FROM_THE_MIDDLE = "as the direction seen from the subject's middle"
"""What becomes of a lamp's place where a model knows directions alone."""
_REGION_WORDS = {
    "all": "",
    "subject": "relight the subject only and keep the background as it is",
    "background": "relight the background only and keep the light on the subject as it is",
}
_SAID_IN_WORDS = (
    "azimuth_deg",
    "elevation_deg",
    "region",
    "role",
    "kelvin",
    "color",
    "softness",
    "ambient",
    "exposure_ev",
)
_STEEP_DEG = 55.0


def light_source(lighting: Lighting) -> LightSource:
    """IC-Light's five-way hint."""
    sources: dict[Side | None, LightSource] = {
        None: "None",
        "left": "Left Light",
        "right": "Right Light",
        "top": "Top Light",
        "bottom": "Bottom Light",
    }
    return sources[lighting.named_side]


def direction_words(light: Light) -> str:
    """Where the light comes from, as the viewer sees the picture."""
    words = _angle_words(light)
    if light.at is not None:
        words = f"{words}, from a lamp close by"
    return f"background with {words}" if light.role == "background" else words


def _angle_words(light: Light) -> str:
    azimuth, elevation = light.azimuth_deg, light.elevation_deg
    side = "right" if azimuth > 0 else "left"
    turn = abs(azimuth)
    if light.is_behind:
        words = "strong rim light, backlit"
        return words if turn > 157.5 else f"{words} from the {side} rear"
    if abs(elevation) > _STEEP_DEG:
        return "light from above" if elevation > 0 else "light from below"
    where = "the front" if turn < 22.5 else f"the {side}" if turn >= 67.5 else f"the {side} front"
    return f"light from {where}{_height_words(elevation)}"


def _height_words(elevation_deg: float) -> str:
    if elevation_deg > 30:
        return ", high"
    if elevation_deg < -10:
        return ", from below"
    return ""


def color_words(light: Light) -> str:
    """The colour of the light; empty when none was asked for."""
    if light.color is not None:
        return f"{_hue_word(light.color)} colored light ({light.color.upper()})"
    kelvin = light.kelvin
    if kelvin is None:
        return ""
    steps = (
        (2500, "candle-orange light"),
        (3500, "warm golden light"),
        (4800, "neutral-warm light"),
        (6800, "neutral daylight"),
    )
    return next((words for limit, words in steps if kelvin <= limit), "cool blue light")


def _hue_word(color: str) -> str:
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    high, low = max(red, green, blue), min(red, green, blue)
    spread = high - low
    if spread < 25:
        return "white"
    if high == red:
        hue_deg = 60.0 * ((green - blue) / spread) % 360
    elif high == green:
        hue_deg = 60.0 * ((blue - red) / spread) + 120
    else:
        hue_deg = 60.0 * ((red - green) / spread) + 240
    names = ("red", "orange", "yellow", "green", "cyan", "azure", "blue", "violet", "magenta")
    limits_deg = (15, 45, 70, 165, 195, 220, 260, 285, 340)
    named = zip(limits_deg, names, strict=True)
    return next((name for limit, name in named if hue_deg < limit), "red")


def softness_words(light: Light) -> str:
    if light.softness < 0.2:
        return "hard, crisp shadows"
    return "soft diffused" if light.softness > 0.6 else ""


def surroundings_words(lighting: Lighting) -> str:
    """Fill and exposure, where they are far from usual."""
    words: list[str] = []
    if lighting.is_filled:
        words.append("bright even fill light")
    elif lighting.ambient <= 0.1:
        words.append("deep shadows, little fill light")
    if lighting.exposure_ev <= -0.5:
        words.append("dark, underexposed mood")
    elif lighting.exposure_ev >= 0.5:
        words.append("bright exposure")
    return ", ".join(words)


def light_words(lighting: Lighting) -> str:
    """The whole light in words, most telling first; empty for a light of the prompt alone."""
    parts: list[str] = []
    if lighting.look in LOOKS:
        parts.append(LOOKS[lighting.look].prompt)
    for light in _by_weight(lighting):
        parts += [direction_words(light), color_words(light), softness_words(light)]
    parts.append(_REGION_WORDS[lighting.lit_region])
    if lighting.lights:
        parts.append(surroundings_words(lighting))
    said = [part for part in parts if part]
    return ", ".join(dict.fromkeys(said))


def _by_weight(lighting: Lighting) -> list[Light]:
    """The key first, then the others from strong to weak."""
    key = lighting.key
    others = [light for light in lighting.lights if light is not key and light.intensity > 0]
    others.sort(key=lambda light: -light.intensity)
    return [key, *others] if key is not None else others


def compose_prompt(
    lighting: Lighting, limit_chars: int | None = None, *, instruction: str = ""
) -> str:
    """The user's own words, the light in words, then `instruction`; at most `limit_chars`.

    Too long, the end goes first: the instruction, the light's last phrases, and only then the
    user's last words.
    """
    said = light_words(lighting)
    own = (lighting.prompt or "").strip()
    parts = [part for part in (own, *said.split(", "), instruction) if part]
    if limit_chars is None:
        return ", ".join(parts)
    while len(parts) > 1 and len(", ".join(parts)) > limit_chars:
        parts.pop()
    return _cut(", ".join(parts), limit_chars)


def _cut(text: str, limit_chars: int) -> str:
    """At most so many characters, at a word's end where there is one."""
    if len(text) <= limit_chars:
        return text
    head = text[:limit_chars]
    at_word = head.rpartition(" ")[0] if text[limit_chars] != " " else head
    return (at_word or head).rstrip(" ,")


def asked_fields(lighting: Lighting) -> tuple[str, ...]:
    """The fields of this light to give an account of, by the names of the tool's arguments."""
    lights = lighting.lights
    has_angles = any(light.at is None for light in lights)
    is_asked = {
        "azimuth_deg": has_angles,
        "elevation_deg": has_angles,
        "light_at": lighting.has_places,
        "kelvin": any(light.kelvin is not None for light in lights),
        "color": any(light.color is not None for light in lights),
        "region": lighting.region != "all",
        "role": any(light.role == "background" for light in lights),
        "lights": len(lights) > 1,
        "prompt": bool(lighting.prompt),
    }
    names = ALL_FIELDS if lights else ("exposure_ev", "strength", "region")
    return tuple(name for name in (*names, "lights", "prompt") if is_asked.get(name, True))


def honest(
    lighting: Lighting,
    *,
    honored: Mapping[str, str] | None = None,
    approximated: Mapping[str, str] | None = None,
    ignored: Mapping[str, str] | None = None,
) -> tuple[FieldHonesty, ...]:
    """One entry per field of this light, each with its note; what is not named is ignored.

    A model that takes angles, however it does, approximates a lamp's place by them.
    """
    told: dict[str, tuple[str, str]] = {}
    for how, notes in (
        ("ignored", ignored), ("honoured", honored), ("approximated", approximated)
    ):  # fmt: skip
        told |= {name: (how, note) for name, note in (notes or {}).items()}
    if "azimuth_deg" in told and "light_at" not in told:
        how, note = told["azimuth_deg"]
        seen = f"{FROM_THE_MIDDLE}: {note}" if note else FROM_THE_MIDDLE
        told["light_at"] = (how, note) if how == "ignored" else ("approximated", seen)
    entries = ((name, *told.get(name, ("ignored", ""))) for name in asked_fields(lighting))
    return tuple(
        FieldHonesty.model_validate({"name": name, "how": how, "note": note})
        for name, how, note in entries
    )


def in_words(lighting: Lighting, params: Mapping[str, JsonValue]) -> tuple[FieldHonesty, ...]:
    """A `ModelSpec.honesty` for a model that takes the light as words of any length."""
    return honest_in_words(lighting)


def as_light_source(
    lighting: Lighting, params: Mapping[str, JsonValue]
) -> tuple[FieldHonesty, ...]:
    """A `ModelSpec.honesty` for IC-Light: words, and a side that `light_source` may choose."""
    chosen = params.get("light_source") or light_source(lighting)
    note = f"light_source={chosen}, and in words"
    return honest_in_words(lighting, approximated={"azimuth_deg": note, "elevation_deg": note})


def honest_in_words(
    lighting: Lighting,
    *,
    limit_chars: int | None = None,
    approximated: Mapping[str, str] | None = None,
) -> tuple[FieldHonesty, ...]:
    """As `honest`, for a model that takes the light as words. `approximated` adds to the words."""
    words: dict[str, str] = dict.fromkeys(_SAID_IN_WORDS, "in words")
    words["lights"] = "every light in words, the key first"
    own = len(lighting.prompt or "")
    is_cut = limit_chars is not None and own > limit_chars
    if is_cut:
        words["prompt"] = f"cut to the model's {limit_chars} characters"
    return honest(
        lighting,
        honored={} if is_cut else {"prompt": ""},
        approximated={**words, **(approximated or {})},
    )


IC_LIGHT_SIDES_PX = tuple(range(256, 1025, 64))
"""The 13 sides IC-Light hosts accept (Replicate's zsxkib/ic-light prints all of them)."""
_IC_LIGHT_AREA_PX = (250_000, 420_000)
"""Near the 512 x 640 its base model was made for; the second pass enlarges the result."""


def nearest_ratio(width_px: int, height_px: int, ratios: Iterable[str]) -> str | None:
    """The `W:H` text nearest in shape; None when none of them is a ratio."""
    shape = math.log(width_px / height_px)
    known = {text: value for text in ratios if (value := _ratio(text)) is not None}
    return min(known, key=lambda text: abs(math.log(known[text]) - shape), default=None)


def _ratio(text: str) -> float | None:
    left, colon, right = text.partition(":")
    if not colon or not left.isdecimal() or not right.isdecimal():
        return None
    width, height = int(left), int(right)
    return width / height if width and height else None


def ic_light_size(width_px: int, height_px: int) -> tuple[int, int]:
    """The allowed (width, height) nearest in shape, at a size IC-Light works well with."""
    shape = math.log(width_px / height_px)
    low, high = _IC_LIGHT_AREA_PX
    pairs = [
        (width, height)
        for width in IC_LIGHT_SIDES_PX
        for height in IC_LIGHT_SIDES_PX
        if low <= width * height <= high
    ]
    return min(
        pairs,
        key=lambda pair: (round(abs(math.log(pair[0] / pair[1]) - shape), 3), -pair[0] * pair[1]),
    )


def size_of_area(
    width_px: int, height_px: int, *, area_px: int, step_px: int, low_px: int, high_px: int
) -> tuple[int, int]:
    """About `area_px` in the shape of the input; sides are multiples of `step_px` in bounds."""
    scale = math.sqrt(area_px / (width_px * height_px))

    def side(length_px: int) -> int:
        return min(max(round(length_px * scale / step_px) * step_px, low_px), high_px)

    return side(width_px), side(height_px)
