"""The embedded engine: `local/classic` renders on this machine, free and repeatable."""

import hashlib
import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from mcp_relight.domain.exchange import Output, Rendered
from mcp_relight.domain.image import MaskMode, RenderResult, RenderTask, ShapeModel
from mcp_relight.domain.job import FieldHonesty, JobRequest
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.models import FREE, LOCAL_MODEL, ModelSpec, Params, described
from mcp_relight.domain.ports import Images, Pixels, ShapeModelNow
from mcp_relight.providers.kit.translate import ALL_FIELDS, honest

Amount = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class LocalParams(Params):
    """Parameters of `local/classic`."""

    image_fields: ClassVar[frozenset[str]] = frozenset({"normal_map", "depth_map"})

    normal_map: Annotated[
        str | None, Field(description="Image reference: surface normals of the picture.")
    ] = None
    normal_convention: Annotated[
        Literal["opengl", "directx"],
        Field(description="opengl: green points up; directx: green points down."),
    ] = "opengl"
    depth_map: Annotated[
        str | None, Field(description="Image reference: depth of the picture.")
    ] = None
    depth_convention: Annotated[
        Literal["near_is_bright", "near_is_dark"],
        Field(description="Whether near parts of the depth map are bright or dark."),
    ] = "near_is_bright"
    remove_existing: Annotated[
        Amount, Field(description="How much of the light already there is taken away first.")
    ] = 0.7
    shadow_strength: Annotated[Amount, Field(description="Strength of cast shadows.")] = 0.85
    specular: Annotated[Amount, Field(description="Strength of highlights.")] = 0.1
    background: Annotated[
        Literal["relight", "keep", "darken"],
        Field(description="What happens outside the subject."),
    ] = "relight"


_ADAPTED_BELOW_KELVIN = 2800
"""As in `engine.color`: what is warmer than a lamp is rendered as an adapted eye sees it."""


def _honesty(lighting: Lighting, params: Mapping[str, JsonValue]) -> tuple[FieldHonesty, ...]:
    warmest = min((light.kelvin or math.inf for light in lighting.lights), default=math.inf)
    adapted = warmest < _ADAPTED_BELOW_KELVIN
    note = f"below {_ADAPTED_BELOW_KELVIN} K rendered less orange, as an adapted eye sees it"
    return honest(
        lighting,
        honored=dict.fromkeys((*ALL_FIELDS, "lights"), ""),
        approximated={"kelvin": note} if adapted else {},
        ignored={"prompt": "the local engine does not read words"},
    )


CLASSIC = ModelSpec(
    id=LOCAL_MODEL,
    title="Local engine",
    summary="Relights on this machine: offline, free, the same bytes every time. "
    "Estimates shape from the photo; a mask, normal map or depth map makes it more exact.",
    mode="local",
    price=FREE,
    parameters=described(LocalParams),
    honesty=_honesty,
    controls=ALL_FIELDS,
    max_prompt_chars=0,
    takes_mask=True,
    reproducible=True,
    verified=True,
    notes=("Words are not read: describe the light with a look or the light arguments.",),
    example={"remove_existing": 0.7, "background": "relight"},
)


class LocalRenderer:
    """`domain.ports.Renderer`: `local/classic` in the pixel child. Nothing leaves this machine."""

    def __init__(
        self,
        images: Images,
        pixels: Pixels,
        *,
        engine_version: str,
        shape_model: ShapeModelNow,
    ) -> None:
        """`engine_version` keys cached analyses, so a new engine never reads an old one's; so
        does the digest of the user's own shape model."""
        self._images = images
        self._pixels = pixels
        self._engine_version = engine_version
        self._shape_model = shape_model

    async def render(self, request: JobRequest) -> Rendered:
        params, shape_model = LocalParams.model_validate(request.params), await self._shape_model()
        key = self._analysis_key(request, params, shape_model)
        task = await self._task(request, params, shape_model, await self._images.cached(key))
        result = await self._pixels.render(task)
        if result.analysis is not None:
            await self._images.cache(key, result.analysis)
        return Rendered(
            outputs=(Output(data=result.picture.data),),
            seed=request.seed,
            warnings=(_mode_words(result), *result.warnings),
        )

    async def _task(
        self,
        request: JobRequest,
        params: LocalParams,
        shape_model: ShapeModel | None,
        analysis: bytes | None,
    ) -> RenderTask:
        return RenderTask(
            image=await self._images.read(request.image_id),
            lighting=request.lighting,
            mask=await self._read(request.mask_id),
            normal_map=await self._read(request.extra_image_ids.get("normal_map")),
            normal_convention=params.normal_convention,
            depth_map=await self._read(request.extra_image_ids.get("depth_map")),
            depth_convention=params.depth_convention,
            shape_model=shape_model,
            remove_existing=params.remove_existing,
            shadow_strength=params.shadow_strength,
            specular=params.specular,
            background=params.background,
            analysis=analysis,
        )

    async def _read(self, image_id: str | None) -> bytes | None:
        return None if image_id is None else await self._images.read(image_id)

    def _analysis_key(
        self, request: JobRequest, params: LocalParams, shape_model: ShapeModel | None
    ) -> str:
        """Everything an analysis depends on: the pictures, how to read them, and the engine. It
        names each picture, so that the analysis goes with the first of them that does."""
        pictures = [request.image_id, *([request.mask_id] if request.mask_id else ())]
        pictures += sorted(request.extra_image_ids.values())
        parts = [
            self._engine_version,
            request.image_id,
            request.mask_id or "",
            *(f"{name}={image_id}" for name, image_id in sorted(request.extra_image_ids.items())),
            params.normal_convention,
            params.depth_convention,
            "" if shape_model is None else f"shape_model={shape_model.sha256}",
        ]
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
        return "-".join(["analysis", *pictures, digest])


_SHAPE_FROM: dict[MaskMode, str] = {
    "user_normals": "shape from your normal map",
    "user_depth": "shape from your depth map",
    "shape_model": "shape from the model of MCP_RELIGHT_SHAPE_MODEL",
    "user_mask": "subject from your mask, shape estimated",
    "alpha": "subject from the picture's transparency, shape estimated",
    "auto_mask": "subject found automatically; a mask makes it exact",
    "scene": "the scene lit as a whole",
}


def _mode_words(result: RenderResult) -> str:
    """Where the shape came from, and how far to trust it."""
    return f"mode {result.mode}, confidence {result.confidence:.2f}: {_SHAPE_FROM[result.mode]}."
