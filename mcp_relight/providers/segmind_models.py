"""Segmind's relighting models: parameters, prices and how a light becomes their controls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from mcp_relight.domain.exchange import Call
from mcp_relight.domain.job import FieldHonesty
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.models import ModelSpec, Params, Price, described
from mcp_relight.providers.kit.sizes import ic_light_size
from mcp_relight.providers.kit.translate import (
    ONLY_THE_LIGHT,
    LightSource,
    as_light_source,
    compose_prompt,
    honest,
    in_words,
    light_source,
)

AS_OF = "2026-11-20"
Percent = Annotated[int, Field(ge=0, le=100)]
Denoise = Annotated[float, Field(ge=0.1, le=1, allow_inf_nan=False)]
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
        red, blue = int(key.color[1:3], 16), int(key.color[5:7], 16)
        return "warm" if red > blue + 40 else "cool" if blue > red + 40 else "neutral"
    kelvin = key.kelvin or 5600
    if kelvin <= 2800:
        return "sunset"
    return "warm" if kelvin <= 4300 else "neutral" if kelvin <= 6800 else "cool"


def _type(lighting: Lighting, key: Light) -> str:
    if key.softness >= 0.8 or lighting.ambient >= 0.8:
        return "ambient"
    if key.softness >= 0.45:
        return "softbox"
    return "sunlight" if key.falloff < 0.5 else "spotlight"


def _control_honesty(
    lighting: Lighting, params: Mapping[str, JsonValue]
) -> tuple[FieldHonesty, ...]:
    chosen = {name: params.get(name) or word for name, word in _words(lighting).items()}
    direction = f"light_direction={chosen['light_direction']}"
    temperature = f"light_temperature={chosen['light_temperature']}"
    intensity = f"light_intensity={chosen['light_intensity']}"
    if lighting.key is not None and lighting.key.elevation_deg < -20:
        direction += "; it has no light from below"
    return honest(
        lighting,
        approximated={
            "azimuth_deg": direction,
            "elevation_deg": direction,
            "kelvin": temperature,
            "color": temperature,
            "intensity": intensity,
            "exposure_ev": intensity,
            "softness": f"light_type={chosen['light_type']}",
        },
        ignored={"prompt": "this model takes no words", "lights": "only the key light is sent"},
    )


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
