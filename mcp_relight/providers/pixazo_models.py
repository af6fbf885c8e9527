"""Pixazo's PixelForge models: parameters and prices (pixazo.ai/models/pixelforge)."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from mcp_relight.domain.job import FieldHonesty
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.models import ModelSpec, Params, Price, described, with_references
from mcp_relight.providers.kit.json_schema import public_https
from mcp_relight.providers.kit.translate import honest_in_words, in_words

AS_OF = "2026-11-20"
MAX_PROMPT_CHARS = 800
RELIGHTING = "pixazo/pixelforge-relighting"
IMAGE = "pixazo/pixelforge-image"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Size(_Part):
    width: Annotated[int, Field(ge=64, le=4096)]
    height: Annotated[int, Field(ge=64, le=4096)]


class Lora(_Part):
    path: Annotated[
        str,
        Field(max_length=2048, description="Public https address."),
        AfterValidator(public_https),
    ]
    scale: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 1.0


class _Relighting(Params):
    """Ranges and defaults as on the page; image_size follows the picture instead of square_hd."""

    image_size: Annotated[
        Literal[
            "square_hd",
            "square",
            "portrait_4_3",
            "portrait_16_9",
            "landscape_4_3",
            "landscape_16_9",
        ]
        | Size
        | None,
        Field(description="A name or {width, height}. Default: the picture's shape."),
    ] = None
    num_inference_steps: Annotated[int, Field(ge=1, le=150)] = 50
    guidance_scale: Annotated[float, Field(ge=1, le=20, allow_inf_nan=False)] = 4
    enable_safety_checker: bool = True
    output_format: Literal["jpeg", "png"] = "png"
    negative_prompt: str | None = None
    acceleration: Literal["none", "regular"] = "regular"
    loras: Annotated[list[Lora], Field(default_factory=list[Lora], max_length=3)]


class _Image(Params):
    """It takes words and one to three pictures, nothing else."""


RelightingParams = with_references(_Relighting, 9)
ImageParams = with_references(_Image, 2)


def _relighting_honesty(
    lighting: Lighting, params: Mapping[str, JsonValue]
) -> tuple[FieldHonesty, ...]:
    return honest_in_words(lighting, limit_chars=MAX_PROMPT_CHARS)


SPECS = (
    ModelSpec(
        id=RELIGHTING,
        title="PixelForge Relighting (Pixazo)",
        summary="Relighting by words, with optional LoRAs.",
        mode="async",
        price=Price(0.04, "USD", 0.04, "third-party price list; Pixazo's page states none", AS_OF),
        parameters=described(RelightingParams),
        honesty=_relighting_honesty,
        controls=("prompt",),
        max_count=4,
        max_prompt_chars=MAX_PROMPT_CHARS,
        typical_s=111.0,
        notes=("Has no seed: results differ each time.",),
        verified=True,
        as_of=AS_OF,
        example={"num_inference_steps": 50, "guidance_scale": 4},
    ),
    ModelSpec(
        id=IMAGE,
        title="PixelForge Image (Pixazo)",
        summary="A new picture from one to three reference pictures and words.",
        mode="sync",
        price=Price(0.04, "USD", 0.04, "third-party price list of 2026-04-15", AS_OF),
        parameters=described(ImageParams),
        honesty=in_words,
        controls=("prompt",),
        notes=("Paints the picture anew: faces and details may change.",),
        verified=True,
        as_of=AS_OF,
    ),
)
