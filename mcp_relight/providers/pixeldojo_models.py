"""PixelDojo's two documented models: parameters, prices and wire bodies.

Sources: pixeldojo.ai/api-platform/image-relighting with llm/image-relighting.txt (enum of
model_type, ranges), and pixeldojo.ai/api-platform/p-image-edit.
"""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, JsonValue

from mcp_relight.domain.exchange import Call
from mcp_relight.domain.models import ModelSpec, Params, described, wire_body, with_references
from mcp_relight.providers.kit.translate import (
    ONLY_THE_LIGHT,
    LightSource,
    as_light_source,
    compose_prompt,
    in_words,
    light_source,
    nearest_ratio,
    size_of_area,
)

from .pixeldojo_catalog import AS_OF, Catalog

RELIGHTING = "image-relighting"
EDIT = "p-image-edit"
RELIGHT_RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4")
EDIT_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9")
_AREA_PX = 1024 * 1024

Denoise = Annotated[float, Field(ge=0.1, le=1, allow_inf_nan=False)]
SidePx = Annotated[int, Field(ge=256, le=2048, description="Default: the picture's shape.")]


class RouteParams(Params):
    """Parameters of every `model_type` of image-relighting."""

    aspect_ratio: Annotated[
        Literal["1:1", "16:9", "9:16", "4:3", "3:4"] | None,
        Field(
            validation_alias=AliasChoices("aspect_ratio", "aspectRatio"),
            serialization_alias="aspectRatio",
            description="Default: the nearest to the picture's shape.",
        ),
    ] = None
    negative_prompt: str | None = None
    output_format: Literal["png", "jpg", "webp"] = "png"
    output_quality: Annotated[int, Field(ge=0, le=100)] = 100


class MagicParams(RouteParams):
    """Parameters of model_type=magic-lighting, which has the names and ranges of IC-Light."""

    light_source: Annotated[
        LightSource | None, Field(description="Default: from the light's direction.")
    ] = None
    appended_prompt: str = "best quality"
    width: SidePx | None = None
    height: SidePx | None = None
    steps: Annotated[int, Field(ge=10, le=50)] = 25
    cfg: Annotated[float, Field(ge=1, le=32, allow_inf_nan=False)] = 2
    highres_scale: Annotated[float, Field(ge=1, le=3, allow_inf_nan=False)] = 1.5
    highres_denoise: Denoise = 0.5
    lowres_denoise: Denoise = 0.9


class _Edit(Params):
    """Prompt, one to five pictures, and an aspect ratio without default."""

    aspect_ratio: Annotated[
        Literal["1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9"] | None,
        Field(description="Default: the nearest to the picture's shape."),
    ] = None


EditParams = with_references(_Edit, 4)


def _magic_body(call: Call) -> dict[str, JsonValue]:
    """Width and height are texts in PixelDojo's table."""
    picture = call.images[0]
    width_px, height_px = size_of_area(
        picture.width, picture.height, area_px=_AREA_PX, step_px=64, low_px=256, high_px=2048
    )
    chosen = call.params
    return {
        **wire_body(MagicParams, chosen),
        **_common_body(call, "magic-lighting"),
        "light_source": chosen.get("light_source") or light_source(call.lighting),
        "width": str(chosen.get("width") or width_px),
        "height": str(chosen.get("height") or height_px),
    }


def _route_body(model_type: str) -> Callable[[Call], dict[str, JsonValue]]:
    def body(call: Call) -> dict[str, JsonValue]:
        picture = call.images[0]
        ratio = nearest_ratio(picture.width, picture.height, RELIGHT_RATIOS)
        return {
            "aspectRatio": ratio,
            **wire_body(RouteParams, call.params),
            **_common_body(call, model_type, ONLY_THE_LIGHT),
        }

    return body


def _common_body(call: Call, model_type: str, instruction: str = "") -> dict[str, JsonValue]:
    body: dict[str, JsonValue] = {
        "subject_image": call.images[0].reference,
        "prompt": compose_prompt(call.lighting, instruction=instruction),
        "model_type": model_type,
        "number_of_images": call.count,
    }
    return body if call.seed is None else body | {"seed": call.seed}


def _edit_body(call: Call) -> dict[str, JsonValue]:
    picture = call.images[0]
    extra = [call.extra_images[name].reference for name in sorted(call.extra_images)]
    return {
        "aspect_ratio": nearest_ratio(picture.width, picture.height, EDIT_RATIOS),
        **wire_body(EditParams, call.params),
        "prompt": compose_prompt(call.lighting, instruction=ONLY_THE_LIGHT),
        "images": [picture.reference, *extra],
    }


BODIES: dict[str, Callable[[Call], dict[str, JsonValue]]] = {
    RELIGHTING: _magic_body,
    f"{RELIGHTING}:nano-banana-pro": _route_body("nano-banana-pro"),
    f"{RELIGHTING}:nano-banana-2": _route_body("nano-banana-2"),
    f"{RELIGHTING}:qwen-image-edit": _route_body("qwen-image-edit"),
    EDIT: _edit_body,
}


_ROUTES = {
    "nano-banana-pro": ("Nano Banana Pro", "nano-banana-pro"),
    "nano-banana-2": ("Nano Banana 2", "nano-banana-2"),
    "qwen-image-edit": ("Qwen Image Edit", "qwen-image-max"),
}
"""By model_type: its title, and the row of the catalogue that bounds its price. The page states 1
credit for all routes, and "per-model credit rates"."""


def own_specs(catalog: Catalog) -> tuple[ModelSpec, ...]:
    """The documented models, at the prices of the catalogue."""
    routes = [_route_spec(catalog, model_type) for model_type in _ROUTES]
    return (_magic_spec(catalog), *routes, _edit_spec(catalog))


def _magic_spec(catalog: Catalog) -> ModelSpec:
    return ModelSpec(
        id=f"pixeldojo/{RELIGHTING}",
        title="Image Relighting, Magic Lighting (PixelDojo)",
        summary="Diffusion relighting by words and one of four sides.",
        mode="async",
        price=catalog.rows[RELIGHTING].price(),
        parameters=described(MagicParams),
        honesty=as_light_source,
        controls=("prompt", "light_source"),
        max_count=12,
        reproducible=True,
        notes=("May paint a new background; finish=light-only keeps yours.",),
        verified=True,
        as_of=AS_OF,
        example={"steps": 25, "cfg": 2},
    )


def _route_spec(catalog: Catalog, model_type: str) -> ModelSpec:
    title, bound = _ROUTES[model_type]
    return ModelSpec(
        id=f"pixeldojo/{RELIGHTING}:{model_type}",
        title=f"Image Relighting with {title} (PixelDojo)",
        summary="Relighting by words.",
        mode="async",
        price=catalog.rows[RELIGHTING].price(at_least=catalog.rows[bound]),
        parameters=described(RouteParams),
        honesty=in_words,
        controls=("prompt",),
        max_count=12,
        notes=(
            "Whether the seed is kept is not documented.",
            "The price is a floor; its bound is that of the model behind it.",
        ),
        verified=True,
        as_of=AS_OF,
        example={"output_format": "png"},
    )


def _edit_spec(catalog: Catalog) -> ModelSpec:
    return ModelSpec(
        id=f"pixeldojo/{EDIT}",
        title="P-Image Edit (PixelDojo)",
        summary="Fast editing by words, with up to five pictures.",
        mode="async",
        price=catalog.rows[EDIT].price(),
        parameters=described(EditParams),
        honesty=in_words,
        controls=("prompt",),
        typical_s=4.0,
        verified=True,
        as_of=AS_OF,
        example={"aspect_ratio": "3:4"},
    )
