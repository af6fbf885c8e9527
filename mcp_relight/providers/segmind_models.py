"""Segmind's relighting models: parameters, prices and how a light becomes their controls."""

import colorsys
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from mcp_relight.domain.exchange import Call
from mcp_relight.domain.job import FieldHonesty
from mcp_relight.domain.lighting import LIGHT_FROM, Light, Lighting
from mcp_relight.domain.models import ModelSpec, Params, Price, described
from mcp_relight.providers.kit.translate import (
    ONLY_THE_LIGHT,
    LightSource,
    as_light_source,
    compose_prompt,
    honest,
    ic_light_size,
    in_words,
    light_source,
)

AS_OF = "2026-11-20"
Percent = Annotated[int, Field(ge=0, le=100)]
Denoise = Annotated[float, Field(ge=0.1, le=1, allow_inf_nan=False)]
_COLORLESS = 0.2
_WARM_HUES, _COOL_HUES = (10, 60), (180, 260)
"""Degrees on the colour circle that "warm" and "cool" stand for."""
_SOFTBOX = 0.45
_NEAR_DEG = 65.0
"""A word for a direction further away than this from the asked one is another light."""
_CONTROL_OF = {
    "azimuth_deg": "light_direction",
    "elevation_deg": "light_direction",
    "kelvin": "light_temperature",
    "color": "light_temperature",
    "intensity": "light_intensity",
    "exposure_ev": "light_intensity",
    "softness": "light_type",
}
_NO_WORD = {
    "light_direction": "its left, right, top and back are all another light",
    "light_temperature": "it has warm, cool and neutral light alone, one for the whole picture",
    "light_intensity": "its words are the opposite of it",
    "light_type": "its even light has no hard edge",
}
Side = Literal[256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 960, 1024]


class IcLightParams(Params):
    """segmind.com/models/ic-light/api. Sides: the page shows ten of 13, zsxkib/ic-light all."""

    appended_prompt: str = "best quality"
    cfg: Annotated[float, Field(ge=1, le=32, allow_inf_nan=False)] = 2
    width: Annotated[Side | None, Field(description="Default: from the picture's shape.")] = None
    height: Annotated[Side | None, Field(description="Default: from the picture's shape.")] = None
    highres_denoise: Denoise = 0.5
    highres_scale: Annotated[float, Field(ge=1, le=3, allow_inf_nan=False)] = 1.5
    light_source: Annotated[
        LightSource | None, Field(description="Default: from the light's direction.")
    ] = None
    lowres_denoise: Denoise = 0.9
    negative_prompt: str = "lowres, bad anatomy, bad hands, cropped, worst quality"
    output_format: Literal["webp", "jpg", "png"] = "png"
    output_quality: Percent = 80
    steps: Annotated[int, Field(ge=1, le=100)] = 25


class RelightingParams(Params):
    """segmind.com/models/segmind-relighting/api. Unset controls follow the light."""

    light_direction: Literal["left", "right", "top", "back"] | None = None
    light_intensity: Literal["mood", "bright", "medium", "strong"] | None = None
    light_temperature: Literal["warm", "cool", "neutral", "sunset"] | None = None
    light_type: Literal["softbox", "sunlight", "spotlight", "ambient"] | None = None


class RelightingV2Params(RelightingParams):
    """segmind.com/models/segmind-relighting-v2/api; enums beyond its sample are unverified."""

    quality: Literal["auto", "low", "medium", "high"] = "high"
    background: Literal["auto", "transparent", "opaque"] = "opaque"
    output_compression: Percent = 100
    output_format: Literal["png", "jpeg", "webp"] = "png"


class QwenRelightParams(Params):
    """As its documented siblings qwen-image-edit-plus-*; its own page was not found."""

    aspect_ratio: str = "match_input_image"
    image_format: Literal["webp", "png", "jpeg"] = "png"
    quality: Percent = 95


def _ic_light(call: Call) -> dict[str, JsonValue]:
    picture = call.images[0]
    width_px, height_px = ic_light_size(picture.width, picture.height)
    body: dict[str, JsonValue] = {
        "prompt": compose_prompt(call.lighting),
        "number_of_images": call.count,
        "width": call.params.get("width") or width_px,
        "height": call.params.get("height") or height_px,
        "light_source": call.params.get("light_source") or light_source(call.lighting),
    }
    return body if call.seed is None else body | {"seed": call.seed}


def _controls(call: Call) -> dict[str, JsonValue]:
    given = call.params
    return {name: given.get(name) or word for name, word in _words(call.lighting).items()}


def _sized_controls(call: Call) -> dict[str, JsonValue]:
    return {**_controls(call), "size": "auto"}


def _qwen(call: Call) -> dict[str, JsonValue]:
    prompt = compose_prompt(call.lighting, instruction=ONLY_THE_LIGHT)
    body: dict[str, JsonValue] = {"prompt": prompt}
    return body if call.seed is None else body | {"seed": call.seed}


def _words(lighting: Lighting) -> dict[str, JsonValue]:
    """The light as the four required controls."""
    key = lighting.key or Light()
    return {
        "light_direction": _direction(lighting, key),
        "light_intensity": _intensity(lighting, key),
        "light_temperature": _temperature(key),
        "light_type": _type(lighting, key),
    }


def _direction(lighting: Lighting, key: Light) -> str:
    if key.is_behind:
        return "back"
    side = lighting.named_side
    return side if side in {"left", "right"} else "top"


def _intensity(lighting: Lighting, key: Light) -> str:
    if lighting.exposure_ev <= -0.5:
        return "mood"
    if lighting.exposure_ev >= 0.4 or lighting.ambient >= 0.8:
        return "bright"
    return "strong" if key.intensity >= 1.5 else "medium"


def _temperature(key: Light) -> str:
    if key.color is not None:
        return _temperature_of(key.color) or "neutral"
    kelvin = key.kelvin or 5600
    if kelvin <= 2800:
        return "sunset"
    return "warm" if kelvin <= 4300 else "neutral" if kelvin <= 6800 else "cool"


def _temperature_of(color: str) -> str | None:
    """The word that comes near a colour; None for one that is neither warm nor cool, such as
    pink, green or violet: the nearest word would be another light."""
    red, green, blue = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    hue, saturation, _ = colorsys.rgb_to_hsv(red, green, blue)
    if saturation < _COLORLESS:
        return "neutral"
    if _WARM_HUES[0] <= hue * 360 <= _WARM_HUES[1]:
        return "warm"
    return "cool" if _COOL_HUES[0] <= hue * 360 <= _COOL_HUES[1] else None


def _type(lighting: Lighting, key: Light) -> str:
    if key.softness >= 0.8 or lighting.ambient >= 0.8:
        return "ambient"
    if key.softness >= _SOFTBOX:
        return "softbox"
    return "sunlight" if key.falloff < 0.5 else "spotlight"


def _control_honesty(
    lighting: Lighting, params: Mapping[str, JsonValue]
) -> tuple[FieldHonesty, ...]:
    """A word counts as an approximation only where it comes near what was asked, or was chosen."""
    words = _words(lighting)
    chosen = {name: params.get(name) or word for name, word in words.items()}
    near = _is_near(lighting)
    told = {
        name: f"{control}={chosen[control]}"
        for name, control in _CONTROL_OF.items()
        if near[control] or params.get(control)
    }
    if lighting.key is not None and lighting.key.elevation_deg < -20:
        for name in {"azimuth_deg", "elevation_deg"} & told.keys():
            told[name] += "; it has no light from below"
    lost = {name: _NO_WORD[control] for name, control in _CONTROL_OF.items() if name not in told}
    return honest(
        lighting,
        approximated=told,
        ignored={
            **lost,
            "prompt": "this model takes no words",
            "lights": "only the key light is sent",
        },
    )


def _is_near(lighting: Lighting) -> dict[str, bool]:
    """Of each control, whether its word is near the light that was asked for."""
    key, words = lighting.key or Light(), _words(lighting)
    angle_deg = _apart_deg(key, LIGHT_FROM[str(words["light_direction"])])
    is_tinted = key.color is not None and _temperature_of(key.color) is None
    colors = {light.color or light.kelvin for light in (key, *lighting.rivals)}
    return {
        "light_direction": lighting.is_even or (not lighting.rivals and angle_deg <= _NEAR_DEG),
        "light_temperature": not is_tinted and len(colors) == 1,
        "light_intensity": _has_sign_of(lighting, str(words["light_intensity"])),
        "light_type": words["light_type"] != "ambient" or key.softness >= _SOFTBOX,
    }


def _apart_deg(light: Light, angles: tuple[float, float]) -> float:
    other = Light(azimuth_deg=angles[0], elevation_deg=angles[1])
    cosine = sum(a * b for a, b in zip(light.direction, other.direction, strict=True))
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))


def _has_sign_of(lighting: Lighting, word: str) -> bool:
    """Whether dark stays dark, and bright bright."""
    if lighting.exposure_ev <= -0.5 or lighting.exposure_ev >= 0.4:
        return word == ("mood" if lighting.exposure_ev < 0 else "bright")
    return not (lighting.exposure_ev < 0 and word == "bright")


@dataclass(frozen=True, slots=True)
class Row:
    """One model: its parameters, the field for the picture, and what a call adds to them."""

    params: type[Params]
    image_field: str
    derived: Callable[[Call], dict[str, JsonValue]]


ROWS = {
    "ic-light": Row(IcLightParams, "subject_image", _ic_light),
    "segmind-relighting": Row(RelightingParams, "image", _controls),
    "segmind-relighting-v2": Row(RelightingV2Params, "image", _sized_controls),
    "qwen-image-edit-plus-relight": Row(QwenRelightParams, "image_1", _qwen),
}
_FOUR = ("azimuth_deg", "elevation_deg", "kelvin", "intensity", "softness")

SPECS = (
    ModelSpec(
        id="segmind/ic-light",
        title="IC-Light (Segmind)",
        summary="Diffusion relighting by words and one of four sides.",
        mode="async",
        price=Price(0.037, "USD", 0.037, "segmind.com/models/ic-light/api (average)", AS_OF),
        parameters=described(IcLightParams),
        honesty=as_light_source,
        controls=("prompt", "light_source"),
        max_count=12,
        reproducible=True,
        typical_s=30.5,
        notes=("Crops to the subject and paints a new background; finish=light-only keeps yours.",),
        verified=True,
        as_of=AS_OF,
        example={"steps": 25, "cfg": 2},
    ),
    ModelSpec(
        id="segmind/segmind-relighting",
        title="Segmind Relighting",
        summary="Relighting by direction, intensity, temperature and type; takes no words.",
        mode="async",
        price=Price(0.05, "USD", 0.05, "segmind.com/models/segmind-relighting/api", AS_OF),
        parameters=described(RelightingParams),
        honesty=_control_honesty,
        controls=_FOUR,
        max_prompt_chars=0,
        typical_s=10.3,
        verified=True,
        as_of=AS_OF,
        example={"light_type": "softbox"},
    ),
    ModelSpec(
        id="segmind/segmind-relighting-v2",
        title="Segmind Relighting V2",
        summary="The same four controls with a larger model; dearer and slower.",
        mode="async",
        price=Price(0.333, "USD", 0.333, "segmind.com/models/segmind-relighting-v2/api", AS_OF),
        parameters=described(RelightingV2Params),
        honesty=_control_honesty,
        controls=_FOUR,
        max_prompt_chars=0,
        typical_s=70.0,
        notes=("0.033 to 0.333 USD by quality; the upper bound counts.",),
        as_of=AS_OF,
        example={"quality": "medium"},
    ),
    ModelSpec(
        id="segmind/qwen-image-edit-plus-relight",
        title="Qwen Image Edit Plus Relight (Segmind)",
        summary="Relighting by words with Qwen Image Edit Plus.",
        mode="async",
        price=Price(0.1, "USD", 0.1, "Segmind's llms.txt, second hand", "2026-08-27"),
        parameters=described(QwenRelightParams),
        honesty=in_words,
        controls=("prompt",),
        typical_s=21.0,
        notes=("Parameters are those of its documented siblings.",),
        as_of=AS_OF,
        example={"quality": 95},
    ),
)
